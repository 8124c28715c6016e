/* The evil client over tcp: it serves the server's one-sided operations itself; and its tables. */
#include <errno.h>
#include <string.h>

#include "common/transport/transport.h"
#include "tests/evil/clients/evil.h"

/* Where the operation would be in memory, if it belongs to that I/O; else 0. */
static uint64_t place_in(const struct evil *e, const struct evil_io *asked)
{
	const struct wire_header *hdr = &e->wire.hdr;
	uint32_t op = hdr->op == WIRE_WRITE ? IO_READ : IO_WRITE;

	if (asked->op != op || io_tag(&asked->io) != hdr->tag || hdr->off > asked->io.len ||
	    hdr->len > asked->io.len - hdr->off)
		return 0;
	return e->asked_for->regions[io_region(&asked->io) % REGIONS_MAX] + asked->io.region_off +
	       hdr->off;
}

/* The memory a one-sided operation names, or NULL, which is the server's fault. */
static uint8_t *granted(struct evil *e)
{
	const struct wire_header *hdr = &e->wire.hdr;
	unsigned n = e->asked_for->nr < EVIL_IOS ? e->asked_for->nr : EVIL_IOS;

	while (n--) {
		uint64_t at = place_in(e, &e->asked_for->ios[n]);

		if (at >= BASE + MARGIN && at - BASE - MARGIN <= GRANTED &&
		    hdr->len <= GRANTED - (at - BASE - MARGIN))
			return e->memory + (at - BASE);
	}
	escape(e, "the server reached for %u bytes at %llu of I/O %x", hdr->len,
	       (unsigned long long)hdr->off, hdr->tag);
	return NULL;
}

static void answer_read(struct evil *e)
{
	struct wire_header hdr = {
		.op = WIRE_READ_RESP, .len = e->wire.hdr.len, .cookie = e->wire.hdr.cookie};
	uint8_t *from = granted(e);

	if (!from) {
		hdr = (struct wire_header){.op = WIRE_TERMINATE, .status = (uint32_t)-EACCES};
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
	return hdr->flags & WIRE_HAS_IMM ? evil_result(e, hdr->tag, INT64_MAX) : SEEN_DATA;
}

enum seen evil_reached(struct evil *e, int op)
{
	if (op == WIRE_WRITE)
		return take_write(e);
	answer_read(e);
	return SEEN_DATA;
}

const struct lie *const client_lies[] = {
	frame_lies, message_lies, hello_lies,  io_lies,	  call_lies,  abort_lies, barrier_lies,
	flood_lies, link_lies,	  killed_lies, name_lies, space_lies, NULL};
