/*
 * A server without a free descriptor: new files and new clients have to wait or are refused, the
 * others notice nothing, and it does not wear itself out over it. Its limit is set from outside.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/load.h"
#include "tests/e2e/support/rw.h"

enum { SEED = 3, FEW = 8, FILES = 2 * FEW };

static struct rlimit roomy;

static bool is_open(unsigned fd)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%u", e2e_server.process.pid, fd);
	return !lstat(path, &st);
}

/* As many more descriptors as that. */
static void leave_descriptors(unsigned more)
{
	struct rlimit scarce;
	unsigned limit = 0;

	while (more || is_open(limit))
		more -= !is_open(limit++);
	cr_assert_eq(prlimit(e2e_server.process.pid, RLIMIT_NOFILE, NULL, &roomy), 0);
	scarce = (struct rlimit){limit, roomy.rlim_max};
	cr_assert_eq(prlimit(e2e_server.process.pid, RLIMIT_NOFILE, &scarce, NULL), 0);
}

static void leave_plenty(void)
{
	cr_assert_eq(prlimit(e2e_server.process.pid, RLIMIT_NOFILE, &roomy, NULL), 0);
}

static int open_nth(int i)
{
	char name[32];

	snprintf(name, sizeof(name), "file%d", i);
	return usrbio_open(url_of(name), O_RDWR | O_CREAT, 0600);
}

E2E(scarce, without_descriptors_new_opens_are_emfile)
{
	int fds[FILES], n = 0, err;
	struct load *load;

	e2e_needs_server_process();
	load = load_start(e2e_mount, "load", 2);
	leave_descriptors(FEW);
	while (n < FILES && (fds[n] = open_nth(n)) >= 0)
		n++;
	cr_assert_lt(n, FILES, "nothing was scarce");
	cr_assert_gt(n, 1, "at once");
	cr_assert_eq(fds[n], -EMFILE);
	load_await(load);
	/* An open takes two for a moment, and a close is done when the server comes to it. */
	cr_assert_eq(usrbio_close(fds[--n]), 0);
	cr_assert_eq(usrbio_close(fds[--n]), 0);
	while ((err = open_nth(n)) == -EMFILE)
		nap_ms(1);
	cr_assert_geq(err, 0);
	fds[n++] = err;
	leave_plenty();
	while (n < FILES) {
		fds[n] = open_nth(n);
		cr_assert_geq(fds[n], 0);
		n++;
	}
	while (n)
		cr_assert_eq(usrbio_close(fds[--n]), 0);
	load_await(load);
	load_stop(load);
}

static void add_turns(void *arg, const struct usrbio_server_counters *row)
{
	for (size_t i = 0; i < row->nr; i++)
		if (!strcmp(row->kind, "worker") && !strcmp(row->names[i], "turns"))
			*(uint64_t *)arg += row->values[i];
}

/* Turns of the workers' loops so far: each is a look at everything there is. */
static uint64_t turns(void)
{
	uint64_t n = 0;

	cr_assert_eq(usrbio_server_counters(e2e_mount, add_turns, &n), 0);
	return n;
}

static _Atomic bool served;

/* Another client, to the server: it has a session of its own. */
static void *come(void *arg)
{
	struct usrbio_stat st;

	must(!usrbio_stat(arg, &st), "once there is room");
	atomic_store(&served, true);
	return NULL;
}

E2E(scarce, without_descriptors_nothing_spins)
{
	uint64_t before, looks;
	pthread_t thread;
	char url[400];
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	if (strncmp(e2e_mount, "tcp:", 4))
		cr_skip_test("its connections need no descriptors");
	file_make("file", SEED, 4096);
	rw_open(&rw, NULL, 4096);
	fd = file_reg(url_of("file"), O_RDWR);
	rw_expect(&rw, fd, SEED, 0, 4096);
	leave_descriptors(0);
	snprintf(url, sizeof(url), "%s/file", mount_with("timeout=100"));
	must(!pthread_create(&thread, NULL, come, url), "thread");
	nap_ms(200);
	before = turns();
	nap_ms(1000);
	looks = turns() - before;
	cr_assert_not(atomic_load(&served), "nothing was scarce");
	rw_expect(&rw, fd, SEED, 0, 4096);
	rw_put(&rw, fd, SEED, 0, 4096);
	leave_plenty();
	pthread_join(thread, NULL);
	/* A thousand; where it never sleeps, a hundred thousand. */
	cr_assert_lt(looks, 25000, "%lu looks in a second", looks);
	file_unreg(fd);
	rw_close(&rw);
}
