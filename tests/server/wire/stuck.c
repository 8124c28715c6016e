/*
 * Files whose I/O hangs before anybody gives it up: they stop no other file of their connection,
 * however many I/Os of theirs there are. The file system is tests/support/slowfs.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "scene.h"
#include "slow.h"
#include "tests/support/must.h"

enum { NR = 150, PIECE = 256 << 10 };

/* A file that is long, and that the kernel knows nothing of yet. */
static uint64_t open_long(const char *name)
{
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", slow.fs.backing, name);
	fd = open(path, O_RDWR | O_CREAT, 0644);
	must(fd >= 0 && !ftruncate(fd, (off_t)NR * PIECE), "ftruncate");
	close(fd);
	return peer_open_file(&slow.peer, name, RW);
}

/* More I/Os than a connection may have with the file system, or than fit its worker's buffers. */
static void submit_many(uint32_t op, uint32_t first, uint64_t file)
{
	for (uint32_t i = 0; i < NR; i++)
		peer_submit(&slow.peer, op, PRIORITY_HIGH,
			    &(struct peer_io){.tag = first + i,
					      .file = file,
					      .off = (uint64_t)i * PIECE,
					      .len = PIECE},
			    1);
}

static void expect_done(uint32_t op, uint32_t tag, uint64_t file, uint64_t len)
{
	peer_submit(&slow.peer, op, PRIORITY_LOW,
		    &(struct peer_io){.tag = tag, .file = file, .len = len, .region_off = 8 << 20},
		    1);
	cr_assert_geq(scene_result(&slow.peer, tag), (int64_t)len);
}

static void expect_well(uint64_t file)
{
	static uint32_t tag = 60000;

	for (int i = 0; i < 10; i++) {
		expect_done(IO_WRITE, ++tag, file, 4096);
		expect_done(IO_WRITE, ++tag, file, PIECE);
		expect_done(IO_READ, ++tag, file, 4096);
		expect_done(IO_READ, ++tag, file, PIECE);
	}
}

static void hung(uint32_t op, const char *ops)
{
	uint64_t file = open_long("f"), other = open_long("other");
	int rule = slowfs_rule(&slow.fs, ops, "f", "hang");

	submit_many(op, 1, file);
	while (!slowfs_hung(&slow.fs, rule))
		peer_step(&slow.peer);
	expect_well(other);
	for (uint32_t i = 0; i < NR; i++)
		cr_assert_eq(slow.peer.results[1 + i], NO_RESULT, "it does not hang");
	slowfs_drop(&slow.fs, rule);
	for (uint32_t i = 0; i < NR; i++)
		cr_assert_geq(scene_result(&slow.peer, 1 + i), PIECE, "%u: %ld", i,
			      (long)slow.peer.results[1 + i]);
}

static void hung_reads(void)
{
	hung(IO_READ, "read");
}

static void hung_writes(void)
{
	hung(IO_WRITE, "write");
}

/* With the usual memory and with little, so that either limit of a connection is met. */
static void with_each_memory(void (*body)(void))
{
	for (unsigned mib = 8; mib <= 32; mib += 24) {
		slow.config = (struct server_config){.nr_workers = 1, .staging_mib = mib};
		slow_each_scheme(body);
	}
}

Test(stuck, reads_that_hang_stop_no_other_file, .timeout = 120)
{
	with_each_memory(hung_reads);
}

Test(stuck, writes_that_hang_stop_no_other_file, .timeout = 120)
{
	with_each_memory(hung_writes);
}

/* What was put aside can be given up, and what is given up makes room for what was put aside. */
static void aborted_body(void)
{
	uint64_t file = open_long("f"), other = open_long("other");
	int rule = slowfs_rule(&slow.fs, "read", "f", "hang");
	uint32_t tags[ABORT_MAX];

	submit_many(IO_READ, 1, file);
	expect_well(other);
	for (uint32_t i = 0; i < ABORT_MAX; i++)
		tags[i] = NR - i; /* the last ones, so some of both */
	peer_send(&slow.peer, &(struct message){.type = MSG_ABORT,
						.abort = {.ios = tags, .nr_ios = ABORT_MAX}});
	for (uint32_t i = 0; i < ABORT_MAX; i++)
		cr_assert_eq(scene_result(&slow.peer, tags[i]), -ECANCELED);
	expect_well(other);
	slowfs_drop(&slow.fs, rule);
	for (uint32_t i = 1; i <= NR - ABORT_MAX; i++)
		cr_assert_geq(scene_result(&slow.peer, i), PIECE);
	cr_assert_eq(peer_drop(&slow.peer, 0), 0, "nothing of them uses the memory");
}

Test(stuck, what_was_put_aside_can_be_aborted, .timeout = 120)
{
	with_each_memory(aborted_body);
}
