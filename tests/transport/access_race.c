/* Rule 4 while the peer is at work: the memory or the I/O that it was granted goes. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/transport/harness.h"

/* The I/O over memory that is about to go. */
static bool fire_range(struct end *end, uint32_t tag, enum tp_access access, struct tp_range *range)
{
	*range = *(const struct tp_range *)end->ctx;
	return true;
}

static bool all(const char *mem, size_t len, char c)
{
	for (size_t i = 0; i < len; i++)
		if (mem[i] != c)
			return false;
	return true;
}

static bool none(const char *mem, size_t len, char c)
{
	return !memchr(mem, c, len);
}

/*
 * Deregistered while the peer is at it, after some polls: not a byte is written or read from then
 * on. The peer loses the connection or was done before. Whether a given number of polls catches it
 * in the middle depends on the wire, so several are tried.
 */
static void under_fire(enum tp_kind kind, unsigned polls)
{
	struct pair pair;
	struct tp_range range;
	struct tp_mem *mem;
	char *window;
	unsigned posted = 0;
	size_t len = 8u << 20;

	pair_open(&pair);
	window = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(window != MAP_FAILED);
	must(!pair.ops->mem_register(pair.device, window, len, TP_REMOTE_READ | TP_REMOTE_WRITE,
				     &mem));
	range = (struct tp_range){.base = (uintptr_t)window, .len = len, .key = mem->key};
	pair.client.ctx = &range;
	pair.client.range = fire_range;
	for (; posted < 8; posted++) {
		struct tp_op op = make_op(&pair, kind, 0, 0, TP_OP_MAX);

		op.key = mem->key;
		op.raddr = (uintptr_t)window + posted;
		op.off = posted;
		if (!post_op(&pair.server, &op))
			break;
	}
	pair.ops->flush(pair.server.conn);
	for (unsigned i = 0; i < polls; i++) {
		end_poll(&pair.client);
		end_poll(&pair.server);
	}
	pair.ops->mem_deregister(mem);
	memset(window, 0x77, len);
	pump_until(&pair, pair.server.dones == posted);
	pair_disconnect(&pair);
	must(pair.server.dones == posted);
	must(all(window, len, 0x77));
	must(none(pair.server.mem, MEM_LEN, 0x77));
	must(!munmap(window, len));
	pair_close(&pair);
}

Test(access, memory_goes_while_it_is_written)
{
	for (unsigned polls = 0; polls < 12; polls++)
		under_fire(TP_WRITE, polls);
}

Test(access, memory_goes_while_it_is_read)
{
	for (unsigned polls = 0; polls < 12; polls++)
		under_fire(TP_READ, polls);
}

/* A card knows keys, not I/Os: the end of an I/O takes nothing from its peer. */
static void skip_hardware(void)
{
	if (test_is("rdma"))
		cr_skip_test("a card knows keys, not I/Os");
}

static bool no_range(struct end *end, uint32_t tag, enum tp_access access, struct tp_range *range)
{
	return false;
}

/* All of the I/O's memory is still registered, but it has ended: as under_fire. */
static void ends_under_fire(enum tp_kind kind, unsigned polls)
{
	struct pair pair;
	unsigned posted = 0;

	pair_open(&pair);
	for (; posted < 8; posted++) {
		struct tp_op op = make_op(&pair, kind, 0, posted, TP_OP_MAX);

		if (!post_op(&pair.server, &op))
			break;
	}
	pair.ops->flush(pair.server.conn);
	for (unsigned i = 0; i < polls; i++) {
		end_poll(&pair.client);
		end_poll(&pair.server);
	}
	pair.client.range = no_range;
	memset(pair.client.mem, 0x77, MEM_LEN);
	pump_until(&pair, pair.server.dones == posted);
	pair_disconnect(&pair);
	must(pair.server.dones == posted);
	must(all(pair.client.mem, MEM_LEN, 0x77));
	must(none(pair.server.mem, MEM_LEN, 0x77));
	pair_close(&pair);
}

Test(access, the_io_ends_while_it_is_written)
{
	skip_hardware();
	for (unsigned polls = 0; polls < 12; polls++)
		ends_under_fire(TP_WRITE, polls);
}

Test(access, the_io_ends_while_it_is_read)
{
	skip_hardware();
	for (unsigned polls = 0; polls < 12; polls++)
		ends_under_fire(TP_READ, polls);
}
