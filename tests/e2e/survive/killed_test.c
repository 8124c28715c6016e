/* The server is killed and started again: a delay, and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/load.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"
#include "tests/e2e/survive/again.h"

enum { SEED = 3, SIZE = PIECES * PIECE };

static void under_load(const char *mount)
{
	struct load *load = load_start(mount, "load", 3);

	for (int i = 0; i < full_or_quick(8, 2); i++) {
		server_kill_and_again();
		load_await(load);
	}
	load_stop(load);
}

E2E(killed_server, under_load)
{
	e2e_needs_server_process();
	under_load(e2e_mount);
}

E2E(killed_server, under_load_on_several_connections)
{
	e2e_needs_server_process();
	under_load(mount_with("nconnect=4"));
}

/* All are under way when it dies, because it stands still. */
static void submit_and_kill(struct rw *rw, const struct hf3fs_ior *ior, int fd)
{
	server_pause(&e2e_server);
	pieces_submit(rw, ior, fd);
	server_kill(&e2e_server);
}

E2E(killed_server, reads_in_flight_are_done_by_its_successor)
{
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	file_make("file", SEED, SIZE);
	rw_open(&rw, NULL, SIZE);
	fd = file_reg(url_of("file"), O_RDONLY);
	rw_expect(&rw, fd, SEED, 0, 100);
	submit_and_kill(&rw, &rw.reads, fd);
	server_again();
	pieces_expect(&rw.reads, PIECE);
	cr_assert_eq(pattern_diff(rw.base, SIZE, SEED, 0), -1);
	file_unreg(fd);
	rw_close(&rw);
}

E2E(killed_server, writes_in_flight_are_done_by_its_successor)
{
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	file_make("file", SEED, SIZE);
	rw_open(&rw, NULL, SIZE);
	fd = file_reg(url_of("file"), O_RDWR);
	rw_expect(&rw, fd, SEED, 0, 100);
	pattern_fill(rw.base, SIZE, SEED + 1, 0);
	submit_and_kill(&rw, &rw.writes, fd);
	server_again();
	pieces_expect(&rw.writes, PIECE);
	file_check("file", SEED + 1, 0, SIZE);
	file_unreg(fd);
	rw_close(&rw);
}

/* What is submitted while nobody is there goes to the next. */
E2E(killed_server, io_submitted_while_it_is_away)
{
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	file_make("file", SEED, SIZE);
	rw_open(&rw, NULL, SIZE);
	fd = file_reg(url_of("file"), O_RDONLY);
	server_kill(&e2e_server);
	pieces_submit(&rw, &rw.reads, fd);
	server_again();
	pieces_expect(&rw.reads, PIECE);
	cr_assert_eq(pattern_diff(rw.base, SIZE, SEED, 0), -1);
	file_unreg(fd);
	rw_close(&rw);
}

/* Descriptors stay what they were, for I/O and calls, also many of them and through several lives.
 */
E2E(killed_server, files_stay_open)
{
	enum { FILES = 100 };
	int fds[FILES];
	struct usrbio_stat st;
	struct rw rw;
	char name[32];

	e2e_needs_server_process();
	rw_open(&rw, NULL, 4096);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		file_make(name, i, 4096);
		fds[i] = file_reg(url_of(name), O_RDWR);
	}
	for (int life = 0; life < 3; life++) {
		server_kill_and_again();
		for (int i = 0; i < FILES; i++)
			rw_expect(&rw, fds[i], i, 0, 4096);
	}
	server_kill_and_again();
	cr_assert_eq(usrbio_fsync(fds[0]), 0);
	cr_assert_eq(usrbio_ftruncate(fds[0], 100), 0);
	cr_assert_eq(usrbio_fstat(fds[0], &st), 0);
	cr_assert_eq(st.size, 100);
	for (int i = 0; i < FILES; i++)
		file_unreg(fds[i]);
	rw_close(&rw);
}

/* A file is what it is, not its name: renamed it is found, replaced or deleted it is stale. */
E2E(killed_server, files_that_are_not_what_they_were)
{
	static const char *const names[] = {"stays", "deleted", "renamed", "replaced"};
	int fds[4], held;
	struct rw rw;

	e2e_needs_server_process();
	rw_open(&rw, NULL, 4096);
	for (int i = 0; i < 4; i++) {
		file_make(names[i], SEED, 4096);
		fds[i] = file_reg(url_of(names[i]), O_RDWR);
	}
	server_pause(&e2e_server);
	for (int i = 0; i < 4; i++)
		ring_prep(&rw.reads, &rw.iov, rw.base + 1024 * i, fds[i], 0, 1024, NULL);
	ring_submit(&rw.reads);
	server_kill(&e2e_server);
	must(!unlink(path_of("deleted")), "unlink");
	must(!rename(path_of("renamed"), path_of("elsewhere")), "rename");
	/* Held, so that its inode is not used again. */
	held = open(path_of("replaced"), O_RDONLY | O_CLOEXEC);
	must(held >= 0 && !unlink(path_of("replaced")), "unlink");
	file_make("replaced", SEED + 1, 4096);
	server_again();
	for (int i = 0; i < 4; i++) {
		struct hf3fs_cqe cqe;
		int64_t result;

		ring_wait(&rw.reads, &cqe, 1);
		result = cqe.result;
		cr_expect_eq(result, cqe.index == 0 || cqe.index == 2 ? 1024 : -ESTALE, "%s: %ld",
			     names[cqe.index], (long)result);
	}
	cr_expect_eq(usrbio_fsync(fds[1]), -ESTALE);
	cr_expect_eq(usrbio_fsync(fds[0]), 0);
	for (int i = 0; i < 4; i++)
		file_unreg(fds[i]);
	close(held);
	rw_close(&rw);
}
