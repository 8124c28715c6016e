/*
 * A server that reaches for memory which no I/O under way gives it: nothing is written, nothing is
 * read, the connection ends, and in the next incarnation of the session every I/O completes once.
 * Over loop, where the client's end serves READs and WRITEs as it does over tcp and tls.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "client/memory/region.h"
#include "client/session/session.h"
#include "client/usrbio.h"
#include "common/transport/key_device.h"
#include "rig.h"

#define LEN	4096u
#define NEXT	(1u << 14) /* between two tags of a place in the client's table */
#define CANARY	0x5a
#define NOTHING 0x11

static struct rig rig;

/* What is reached for, as seen from the I/O that is served; and what the server got of it. */
static struct {
	enum tp_kind kind;
	uint32_t tag_xor, tag_add;
	uint64_t off;
	uint32_t len;
} reach;
static uint8_t loot[2 * LEN];

static void post(struct playserver *s, struct play_conn *conn, uint32_t tag)
{
	const struct tp_op op = {.kind = reach.kind,
				 .tag = tag,
				 .off = reach.off,
				 .len = reach.len,
				 .has_imm = reach.kind == TP_WRITE,
				 .local = loot};

	must(!s->ops->post(conn->tp, &op));
	s->ops->flush(conn->tp);
}

static void lie(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	post(s, conn, (io_tag(&io->io[0]) ^ reach.tag_xor) + reach.tag_add);
}

static bool all(const uint8_t *mem, size_t len, uint8_t byte)
{
	for (size_t i = 0; i < len; i++)
		if (mem[i] != byte)
			return false;
	return true;
}

static void start(void)
{
	memset(&rig, 0, sizeof(rig));
	rig_start(&rig, 8, 0, 0);
	memset(rig.iov.base, CANARY, RIG_IOV);
	memset(loot, NOTHING, sizeof(loot));
}

/* One I/O before, so that there is a past; then the one that is lied about. */
static void expect_refusal(bool write)
{
	const struct hf3fs_ior *ior = write ? &rig.writes : &rig.reads;

	start();
	cr_assert_eq(rig_io(&rig, ior, 0, LEN), LEN);
	memset(rig.iov.base, CANARY, LEN);
	rig.server.lie_once = true;
	rig.server.lie = lie;
	cr_assert_eq(rig_io(&rig, ior, 0, LEN), LEN, "done in the next incarnation");
	cr_assert_eq(atomic_load(&rig.server.nr_resumed), 1, "it costs the connection");
	cr_assert(all(loot, sizeof(loot), NOTHING), "it was given memory");
	cr_assert(all(rig.iov.base + LEN, RIG_IOV - LEN, CANARY), "it has written");
	if (write)
		cr_assert(all(rig.iov.base, LEN, CANARY), "it has written what is to be read");
	rig_stop(&rig);
}

#define READ_OF	 false
#define WRITE_OF true
#define REACH(name, io, ...)                              \
	Test(reaches, name)                               \
	{                                                 \
		reach = (__typeof__(reach)){__VA_ARGS__}; \
		expect_refusal(io);                       \
	}

/* The server reads a file: it may write into the I/O's memory, and nothing else. */
REACH(an_unknown_tag, READ_OF, TP_WRITE, .tag_xor = 1, .len = 64)
REACH(an_index_that_is_none, READ_OF, TP_WRITE, .tag_xor = NEXT - 1, .len = 64)
REACH(an_io_of_the_past, READ_OF, TP_WRITE, .tag_add = -NEXT, .len = 64)
REACH(an_io_to_come, READ_OF, TP_WRITE, .tag_add = NEXT, .len = 64)
REACH(nothing_of_no_io, READ_OF, TP_WRITE, .tag_add = NEXT)
REACH(behind_the_io, READ_OF, TP_WRITE, .off = LEN, .len = 1)
REACH(across_its_end, READ_OF, TP_WRITE, .off = LEN - 63, .len = 64)
REACH(before_it, READ_OF, TP_WRITE, .off = -64ull, .len = 64)
REACH(across_its_start, READ_OF, TP_WRITE, .off = -1ull, .len = 64)
REACH(more_than_all_of_it, READ_OF, TP_WRITE, .len = LEN + 1)
REACH(nothing_behind_it, READ_OF, TP_WRITE, .off = LEN + 1)
REACH(memory_to_be_written_is_not_read, READ_OF, TP_READ, .len = 64)
REACH(nothing_of_memory_to_be_written, READ_OF, TP_READ)

/* It writes a file: it may read the I/O's memory. */
REACH(memory_to_be_read_is_not_written, WRITE_OF, TP_WRITE, .len = 64)
REACH(reading_another_part_of_the_iov, WRITE_OF, TP_READ, .off = LEN, .len = 64)
REACH(reading_across_the_end, WRITE_OF, TP_READ, .off = 1, .len = LEN)
REACH(reading_before_it, WRITE_OF, TP_READ, .off = -64ull, .len = 64)
REACH(reading_for_an_io_of_the_past, WRITE_OF, TP_READ, .tag_add = -NEXT, .len = 64)
REACH(reading_for_an_unknown_tag, WRITE_OF, TP_READ, .tag_xor = 2, .len = 64)

/* For a card, which knows no I/O, the keys have to do: a key each way, and no other use of it. */
Test(reaches, each_direction_has_a_key_of_its_own)
{
	static const unsigned right[NR_DIRS] = {TP_REMOTE_WRITE, TP_REMOTE_READ};
	static const unsigned wrong[NR_DIRS] = {TP_REMOTE_READ, TP_REMOTE_WRITE};
	const struct region *region;
	struct keys *keys;

	start();
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, LEN), LEN);
	cr_assert_eq(rig_io(&rig, &rig.writes, 0, LEN), LEN);
	region = region_peek((uintptr_t)rig.iov.iovh);
	keys = &((struct key_device *)region->session->device.tp)->keys;
	keys_enter(keys);
	for (enum region_dir dir = 0; dir < NR_DIRS; dir++) {
		uint32_t key = region->memory.mem[dir]->key;

		cr_assert(keys_find(keys, key, (uintptr_t)rig.iov.base, RIG_IOV, right[dir]));
		cr_assert_not(keys_find(keys, key, (uintptr_t)rig.iov.base, 1, wrong[dir]));
	}
	keys_leave(keys);
	rig_stop(&rig);
}

/* An I/O of the same session that is under way on another connection. */
static uint32_t elsewhere;

static void keep(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	if (!elsewhere) {
		must(io->n == 2);
		elsewhere = io_tag(&io->io[1]);
	} else {
		post(s, conn, elsewhere);
		rig.server.lie = NULL;
		atomic_store(&s->hold, false);
	}
}

Test(reaches, a_tag_of_another_connection)
{
	struct hf3fs_ior rings[2];
	struct hf3fs_iov iov;
	char mount[80], url[128];
	int fd;

	reach = (__typeof__(reach)){TP_WRITE, .len = 64};
	start();
	snprintf(mount, sizeof(mount), "%s?nconnect=2", rig.server.mount);
	snprintf(url, sizeof(url), "%s/file", mount);
	fd = usrbio_open(url, O_RDWR, 0);
	cr_assert(fd >= 0 && hf3fs_reg_fd(fd, 0) <= 0);
	cr_assert_eq(hf3fs_iovcreate(&iov, mount, RIG_IOV, 0, -1), 0);
	memset(iov.base, CANARY, RIG_IOV);
	rig.server.lie = keep;
	for (int i = 0; i < 2; i++) /* they take turns on the connections */
		cr_assert_eq(hf3fs_iorcreate(&rings[i], mount, 4, true, 0, -1), 0);
	for (int i = 0; i < 2; i++)
		cr_assert_geq(hf3fs_prep_io(&rings[0], &iov, true, iov.base + LEN, fd, 0, 64, NULL),
			      0);
	cr_assert_eq(hf3fs_submit_ios(&rings[0]), 0);
	rig_until(atomic_load(&rig.server.nr_batches) == 1);
	cr_assert_geq(hf3fs_prep_io(&rings[1], &iov, true, iov.base, fd, 0, LEN, NULL), 0);
	cr_assert_eq(hf3fs_submit_ios(&rings[1]), 0);
	cr_assert_eq(rig_wait(&rings[1]), LEN);
	cr_assert_gt(atomic_load(&rig.server.nr_resumed), 0, "it costs the connection");
	for (int i = 0; i < 2; i++)
		cr_assert_eq(rig_wait(&rings[0]), 64);
	cr_assert(all(iov.base + LEN + 64, RIG_IOV - LEN - 64, CANARY), "it has written");
	for (int i = 0; i < 2; i++)
		hf3fs_iordestroy(&rings[i]);
	hf3fs_iovdestroy(&iov);
	rig_close(fd);
	rig_stop(&rig);
}

/* The drop is answered although the I/O is not over; then the server goes on with it. */
static void answer_and_go_on(struct playserver *s, struct play_conn *conn, uint32_t tag)
{
	play_send(s, conn, &(struct message){.type = MSG_REPLY, .reply = {.tag = tag}});
	for (int i = 0; i < 8; i++)
		if (!s->ops->post(conn->tp, &(struct tp_op){.kind = TP_WRITE,
							    .tag = s->last_tag,
							    .len = LEN,
							    .local = loot}))
			s->ops->flush(conn->tp);
}

Test(reaches, an_iov_that_is_destroyed_while_its_io_is_under_way)
{
	uint8_t *canary;

	start();
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, LEN), LEN);
	atomic_store(&rig.server.hold, true);
	cr_assert_geq(rig_prep(&rig, &rig.reads, 0, LEN), 0);
	cr_assert_eq(hf3fs_submit_ios(&rig.reads), 0);
	rig_until(atomic_load(&rig.server.nr_batches) == 2);
	rig.server.lie_about_drop = answer_and_go_on;
	hf3fs_iovdestroy(&rig.iov);
	canary = mmap(rig.iov.base, RIG_IOV, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	cr_assert_eq(canary, rig.iov.base);
	atomic_store(&rig.server.hold, false);
	cr_assert_eq(rig_wait(&rig.reads), -ECANCELED);
	cr_assert(all(canary, RIG_IOV, 0), "it has written");
	munmap(canary, RIG_IOV);
	cr_assert_eq(hf3fs_iovcreate(&rig.iov, rig.server.mount, RIG_IOV, 0, -1), 0);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, LEN), LEN);
	cr_assert_eq(atomic_load(&rig.server.nr_resumed), 1, "it costs the connection");
	rig_stop(&rig);
}
