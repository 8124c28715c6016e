/*
 * A disk that hangs in the middle of a write, by tests/support/slowfs: the write ends at its
 * deadline, stops no other file of its mount, and lands on nothing newer.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/rw.h"
#include "tests/support/pattern.h"
#include "tests/support/slowfs.h"

enum { LEN = 8192, OLD = 0xaa, NEW = 0xbb };

struct bed {
	struct slowfs fs;
	struct server server;
	char mount[700];
	struct rw hung, well; /* rings of one mount, for two files */
	int file, other;
};

static void bed_open(struct bed *bed)
{
	char url[800];

	e2e_needs_local_files();
	if (slowfs_missing())
		cr_skip_test("%s", slowfs_missing());
	slowfs_start(&bed->fs, e2e_scratch);
	if (e2e_on_loop) {
		snprintf(bed->mount, sizeof(bed->mount), "loop://%s?timeout=3", bed->fs.mount);
	} else {
		char slow[600];

		snprintf(slow, sizeof(slow), "slow=%s", bed->fs.mount);
		server_start(&bed->server, NULL, slow, NULL);
		snprintf(bed->mount, sizeof(bed->mount), "%s/slow?timeout=3", bed->server.addr);
	}
	rw_open(&bed->hung, bed->mount, LEN);
	rw_open(&bed->well, bed->mount, LEN);
	snprintf(url, sizeof(url), "%s/file", bed->mount);
	bed->file = file_reg(url, O_RDWR | O_CREAT);
	snprintf(url, sizeof(url), "%s/other", bed->mount);
	bed->other = file_reg(url, O_RDWR | O_CREAT);
}

static void bed_close(struct bed *bed)
{
	file_unreg(bed->file);
	file_unreg(bed->other);
	rw_close(&bed->hung);
	rw_close(&bed->well);
	if (!e2e_on_loop)
		server_stop(&bed->server);
	slowfs_stop(&bed->fs);
}

static void submit(struct bed *bed, uint8_t byte)
{
	memset(bed->hung.base, byte, LEN);
	ring_prep(&bed->hung.writes, &bed->hung.iov, bed->hung.base, bed->file, 0, LEN, NULL);
	ring_submit(&bed->hung.writes);
}

static int64_t result(struct bed *bed)
{
	struct hf3fs_cqe cqe;

	ring_wait(&bed->hung.writes, &cqe, 1);
	return cqe.result;
}

/* True if another file of the mount is written and read. */
static bool others_go_on(struct bed *bed)
{
	return rw_write(&bed->well, bed->other, 0, LEN) == LEN &&
	       rw_read(&bed->well, bed->other, 0, LEN) == LEN;
}

/* True if all of the file is NEW, past file system and server. */
static bool is_new(const struct bed *bed)
{
	char path[700], content[LEN];
	int fd;

	snprintf(path, sizeof(path), "%s/file", bed->fs.backing);
	fd = open(path, O_RDONLY);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pread(fd, content, LEN, 0), LEN);
	close(fd);
	return bytes_diff(content, LEN, NEW) < 0;
}

E2E(hung_io, a_write_that_hangs_stops_no_other_file_and_lands_on_nothing_newer)
{
	const int rounds = full_or_quick(20, 3);
	int late = 0, stuck = 0, rule;
	struct bed bed;
	int64_t done;

	bed_open(&bed);
	for (int i = 0; i < rounds; i++) {
		rule = slowfs_rule(&bed.fs, "write", "file", "hang");
		submit(&bed, OLD);
		slowfs_wait(&bed.fs, rule, 1);
		stuck += !others_go_on(&bed);
		cr_assert_eq(result(&bed), -EREMOTEIO);
		stuck += !others_go_on(&bed);
		/* It waits behind the old one, and a busy machine may be too late for it. */
		submit(&bed, NEW);
		stuck += !others_go_on(&bed);
		slowfs_drop(&bed.fs, rule);
		while ((done = result(&bed)) != LEN) {
			cr_assert_eq(done, -EREMOTEIO);
			submit(&bed, NEW);
		}
		late += !is_new(&bed);
	}
	bed_close(&bed);
	printf("RESULT hung-io rounds=%d late_over_newer=%d stuck_others=%d\n", rounds, late,
	       stuck);
	fflush(stdout);
	cr_assert_eq(late, 0);
	cr_assert_eq(stuck, 0);
}
