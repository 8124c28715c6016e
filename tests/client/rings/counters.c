/* Counters: what this side counts, and how it takes the server's. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "client/usrbio.h"
#include "rig.h"

static struct rig rig;

struct seen {
	unsigned rows, workers;
	size_t nr;
	uint64_t first, last; /* of the last row */
	char name[16], last_counter[32];
};

static void see(void *arg, const struct usrbio_server_counters *row)
{
	struct seen *seen = arg;

	seen->rows++;
	seen->workers += !strcmp(row->kind, "worker");
	seen->nr = row->nr;
	seen->first = row->values[0];
	seen->last = row->values[row->nr - 1];
	strncat(strcpy(seen->name, ""), row->name, sizeof(seen->name) - 1);
	strncat(strcpy(seen->last_counter, ""), row->names[row->nr - 1],
		sizeof(seen->last_counter) - 1);
}

/* A worker's row, a connection's and one of a kind to come, of the given width: 100, 101, ... */
static void answer(struct playserver *s, struct play_conn *conn, const struct call *call,
		   uint32_t width, uint64_t next)
{
	static const uint32_t types[] = {COUNTED_WORKER, COUNTED_CONNECTION, 77};
	uint64_t counts[3 * COUNTS_MAX];
	const struct message msg = {
		.type = MSG_REPLY,
		.reply = {.tag = call->tag,
			  .names = {(const uint8_t *)"0\0peer\0new", 11},
			  .nr_types = 3,
			  .types = types,
			  .counts_width = width,
			  .nr_counts = 3 * width,
			  .counts = counts,
			  .next = next},
	};

	for (uint32_t i = 0; i < 3 * width; i++)
		counts[i] = 100 + i;
	play_send(s, conn, &msg);
}

static void wider(struct playserver *s, struct play_conn *conn, const struct call *call)
{
	answer(s, conn, call, NR_COUNTS + 3, call->off < 2 ? call->off + 1 : 0);
}

static void narrower(struct playserver *s, struct play_conn *conn, const struct call *call)
{
	answer(s, conn, call, 5, 0);
}

static void endless(struct playserver *s, struct play_conn *conn, const struct call *call)
{
	answer(s, conn, call, NR_COUNTS, 1);
}

static int ask(void (*counters)(struct playserver *, struct play_conn *, const struct call *),
	       struct seen *seen)
{
	int err;

	*seen = (struct seen){0};
	rig.server.counters = counters;
	rig_start(&rig, 4, 0, 0);
	err = usrbio_server_counters(rig.server.mount, see, seen);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 4096), 4096, "the connection lives");
	cr_assert_eq(atomic_load(&rig.server.nr_welcomes), 1);
	rig_stop(&rig);
	return err;
}

Test(counters, of_a_later_server_are_taken_as_far_as_known)
{
	struct seen seen;

	cr_assert_eq(ask(wider, &seen), 0);
	cr_assert_eq(seen.rows, 6, "three answers of two rows that are known");
	cr_assert_eq(seen.workers, 3);
	cr_assert_eq(seen.nr, NR_COUNTS);
	cr_assert_eq(seen.first, 100 + NR_COUNTS + 3);
	cr_assert_eq(seen.last, 100 + NR_COUNTS + 3 + NR_COUNTS - 1);
	cr_assert_str_eq(seen.name, "peer");
	cr_assert_str_eq(seen.last_counter, "connections");
}

Test(counters, of_an_earlier_server_are_fewer)
{
	struct seen seen;

	cr_assert_eq(ask(narrower, &seen), 0);
	cr_assert_eq(seen.rows, 2);
	cr_assert_eq(seen.nr, 5);
	cr_assert_eq(seen.first, 105);
	cr_assert_str_eq(seen.last_counter, "errors");
}

Test(counters, a_list_without_end_is_refused)
{
	struct seen seen;

	cr_assert_eq(ask(endless, &seen), -EPROTO);
	cr_assert_eq(seen.rows, 4);
}

Test(counters, a_server_that_has_none_is_not_asked)
{
	struct seen seen;

	cr_assert_eq(ask(NULL, &seen), -EOPNOTSUPP);
	cr_assert_eq(seen.rows, 0);
	cr_assert_eq(usrbio_server_counters("loop://nobody/data", NULL, NULL), -EINVAL);
}

Test(counters, of_this_side_explain_an_io)
{
	struct usrbio_counters before, after;

	rig.server.no_imm = true;
	rig_start(&rig, 8, 0, 0);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 4096), 4096);
	cr_assert_eq(usrbio_counters(rig.server.mount, &before), 0);
	for (int i = 0; i < 6; i++)
		cr_assert_geq(rig_prep(&rig, &rig.reads, 0, 4096), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	for (int i = 0; i < 6; i++)
		cr_assert_eq(rig_wait(&rig.reads), 4096);
	cr_assert_eq(usrbio_counters(rig.server.mount, &after), 0);
	cr_assert_eq(after.ios - before.ios, 6);
	cr_assert_eq(after.batches - before.batches, 1);
	cr_assert_eq(after.completions - before.completions,
		     after.msgs_received - before.msgs_received, "nothing but results came");
	cr_assert_geq(after.msg_bytes - before.msg_bytes, 6 * (40 + 12));
	cr_assert_leq(after.msg_bytes - before.msg_bytes, 6 * (40 + 12 + 16) + 32);
	rig_stop(&rig);
}
