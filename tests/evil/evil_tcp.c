/* The evil client over tcp: it serves the server's one-sided operations itself; and its tables. */
#include <errno.h>
#include <string.h>

#include "common/transport.h"
#include "tests/evil/evil.h"

/* The memory a one-sided operation names, or NULL, which is the server's fault. */
static uint8_t *granted(struct evil *e)
{
	const struct wire_header *hdr = &e->wire.hdr;

	if (!hdr->len)
		return e->memory;
	if (hdr->key == KEY && hdr->addr >= BASE + MARGIN && hdr->addr - BASE - MARGIN <= GRANTED &&
	    hdr->len <= GRANTED - (hdr->addr - BASE - MARGIN))
		return e->memory + (hdr->addr - BASE);
	escape(e, "the server reached for %u bytes at %llx, key %x", hdr->len,
	       (unsigned long long)hdr->addr, hdr->key);
	return NULL;
}

static void answer_read(struct evil *e)
{
	struct wire_header hdr = {
		.op = WIRE_READ_RESP, .len = e->wire.hdr.len, .cookie = e->wire.hdr.cookie};
	uint8_t *from = granted(e);

	if (!from) {
		hdr = (struct wire_header){.op = WIRE_TERMINATE, .imm = (uint32_t)-EACCES};
		wire_header(&e->wire, &hdr);
		return;
	}
	if (e->asked) {
		e->asked(e);
		return;
	}
	wire_header(&e->wire, &hdr);
	wire_bytes(&e->wire, from, hdr.len);
}

static enum seen take_write(struct evil *e)
{
	const struct wire_header *hdr = &e->wire.hdr;
	uint8_t *to = granted(e);

	if (to && hdr->len)
		memcpy(to, e->wire.payload, hdr->len);
	return hdr->flags & WIRE_HAS_IMM ? evil_result(e, hdr->imm, INT64_MAX) : SEEN_DATA;
}

enum seen evil_reached(struct evil *e, int op)
{
	if (op == WIRE_WRITE)
		return take_write(e);
	answer_read(e);
	return SEEN_DATA;
}

const struct lie *const client_lies[] = {frame_lies, message_lies, hello_lies,	io_lies,
					 call_lies,  flood_lies,   killed_lies, NULL};
