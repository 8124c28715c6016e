/* The server is away: what can be done without it, and what happens when nobody comes back. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/load.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/rw.h"
#include "tests/e2e/survive/again.h"

enum { SEED = 3, SIZE = PIECES * PIECE };

static const char *on(const char *mount, const char *name)
{
	static char url[500];

	snprintf(url, sizeof(url), "%s/%s", mount, name);
	return url;
}

E2E(away, for_good_and_back_after_all)
{
	const char *mount = mount_with(E2E_IMPATIENT);
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	file_make("file", SEED, SIZE);
	rw_open(&rw, mount, SIZE);
	fd = file_reg(on(mount, "file"), O_RDONLY);
	rw_expect(&rw, fd, SEED, 0, 100);
	server_pause(&e2e_server);
	pieces_submit(&rw, &rw.reads, fd);
	server_kill(&e2e_server);
	pieces_expect(&rw.reads, -EREMOTEIO);
	/* From here on at once: a thousand times the mount's patience is more than a test has. */
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(rw_read(&rw, fd, 0, 100), -EREMOTEIO);
		cr_assert_eq(usrbio_fsync(fd), -EREMOTEIO);
	}
	server_again();
	while (usrbio_fsync(fd) == -EREMOTEIO)
		nap_ms(10);
	rw_expect(&rw, fd, SEED, 0, SIZE);
	file_unreg(fd);
	rw_close(&rw);
}

/* On a mount that waits for ever: who waits for the server here never comes back. */
E2E(away, rings_and_memory_go_without_it)
{
	const char *mount = mount_with("timeout=0");
	struct hf3fs_ior other;
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	file_make("file", SEED, SIZE);
	rw_open(&rw, mount, SIZE);
	ring_make(&other, mount, true, PIECES);
	fd = file_reg(on(mount, "file"), O_RDWR);
	rw_expect(&rw, fd, SEED, 0, 100);
	server_pause(&e2e_server);
	pieces_submit(&rw, &rw.reads, fd);
	pieces_submit(&rw, &rw.writes, fd);
	server_kill(&e2e_server);
	pieces_submit(&rw, &other, fd);
	hf3fs_iordestroy(&rw.writes);
	hf3fs_iovdestroy(&rw.iov);
	pieces_expect(&rw.reads, -ECANCELED);
	pieces_expect(&other, -ECANCELED);
	hf3fs_iordestroy(&rw.reads);
	hf3fs_iordestroy(&other);
	file_unreg(fd);
	server_again();
}

/* Submitting says nothing and waits for nobody, in any number. */
E2E(away, submitting_never_waits)
{
	const char *mount = mount_with("timeout=0");
	struct hf3fs_cqe cqe;
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	file_make("file", SEED, SIZE);
	rw_open(&rw, mount, SIZE);
	fd = file_reg(on(mount, "file"), O_RDONLY);
	server_kill(&e2e_server);
	for (int i = 0; i < PIECES; i++) {
		ring_prep(&rw.reads, &rw.iov, rw.base + i * PIECE, fd, i * PIECE, PIECE, NULL);
		ring_submit(&rw.reads);
		cr_assert_eq(hf3fs_wait_for_ios(&rw.reads, &cqe, 1, 0, NULL), 0);
	}
	server_again();
	for (int i = 0; i < PIECES; i++) {
		ring_wait(&rw.reads, &cqe, 1);
		cr_assert_eq(cqe.result, PIECE);
	}
	cr_assert_eq(pattern_diff(rw.base, SIZE, SEED, 0), -1);
	file_unreg(fd);
	rw_close(&rw);
}

/* A child has nothing of its parent's healing, and the parent is undisturbed. */
E2E(away, forks_meanwhile)
{
	struct load *load;

	e2e_needs_server_process();
	load = load_start(e2e_mount, "load", 2);
	server_kill(&e2e_server);
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		int status;

		must(pid >= 0, "fork");
		if (!pid)
			_exit(0);
		must(waitpid(pid, &status, 0) == pid && !status, "the child: %#x", status);
		nap_ms(5);
	}
	server_again();
	load_await(load);
	load_stop(load);
}

/*
 * Two servers in the URL, of which one at a time has the file system: the second goes on where the
 * first ended, with files opened by names that outlive a server.
 */
E2E(away, another_server_of_the_url_takes_over)
{
	char mount[250], export[600], addr[sizeof(e2e_server.addr)];
	struct server other;
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	/* Where it will be. */
	snprintf(export, sizeof(export), "data=%s", e2e_scratch);
	server_start(&other, NULL, export, NULL);
	server_stop(&other);
	snprintf(addr, sizeof(addr), "%s", other.addr);
	snprintf(mount, sizeof(mount), "%s,%s/data", e2e_server.addr, strstr(addr, "://") + 3);
	file_make("file", SEED, SIZE);
	rw_open(&rw, mount, SIZE);
	fd = file_reg(on(mount, "file"), O_RDWR);
	rw_expect(&rw, fd, SEED, 0, 100);
	server_pause(&e2e_server);
	pieces_submit(&rw, &rw.reads, fd);
	server_kill(&e2e_server);
	snprintf(export, sizeof(export), "data=%s", e2e_dir);
	server_start(&other, addr, export, NULL);
	pieces_expect(&rw.reads, PIECE);
	cr_assert_eq(pattern_diff(rw.base, SIZE, SEED, 0), -1);
	/* And back. */
	server_kill(&other);
	server_again();
	rw_put(&rw, fd, SEED + 1, 0, SIZE);
	file_check("file", SEED + 1, 0, SIZE);
	file_unreg(fd);
	rw_close(&rw);
}
