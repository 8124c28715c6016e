/*
 * The server is killed under load and stays away for longer than the mount allows: every I/O ends,
 * nothing hangs, and the next server is served. What happens when it comes back in time: survive/.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { ENTRIES = 64, LEN = 100000 };

struct load {
	char mount[300];
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	int fd;
};

/* On a mount that gives an I/O up before long. */
static void load_open(struct load *load)
{
	char url[400];

	snprintf(load->mount, sizeof(load->mount), "%s", mount_with(E2E_IMPATIENT));
	snprintf(url, sizeof(url), "%s/file", load->mount);
	file_make("file", 3, 1 << 20);
	load->fd = file_reg(url, O_RDWR);
	ring_make(&load->reads, load->mount, true, ENTRIES);
	ring_make(&load->writes, load->mount, false, ENTRIES);
	iov_make(&load->iov, load->mount, 2 * ENTRIES * LEN);
}

static void load_close(struct load *load)
{
	hf3fs_dereg_fd(load->fd);
	usrbio_close(load->fd);
	hf3fs_iordestroy(&load->reads);
	hf3fs_iordestroy(&load->writes);
	hf3fs_iovdestroy(&load->iov);
}

static void submit(struct load *load, const struct hf3fs_ior *ior)
{
	for (long i = 0; i < ENTRIES; i++)
		ring_prep(ior, &load->iov, load->iov.base + (ior->for_read ? i : ENTRIES + i) * LEN,
			  load->fd, i * 1000, LEN, (void *)i);
	ring_submit(ior);
}

/* Each of them completes, with an error where it did not happen. */
static int failed(const struct hf3fs_ior *ior)
{
	struct hf3fs_cqe cqes[ENTRIES];
	int n = 0;

	ring_wait(ior, cqes, ENTRIES);
	for (long i = 0; i < ENTRIES; i++) {
		cr_assert_eq(cqes[i].userdata, (void *)i);
		cr_assert(cqes[i].result == LEN || cqes[i].result == -EREMOTEIO, "result %ld",
			  cqes[i].result);
		n += cqes[i].result < 0;
	}
	return n;
}

E2E(outage, killed_with_io_in_flight)
{
	struct load load;
	char url[400];

	e2e_needs_server_process();
	load_open(&load);
	cr_assert_eq(ring_io(&load.reads, &load.iov, load.iov.base, load.fd, 0, LEN), LEN);
	/* It stands still, so that all are under way when it dies. */
	server_pause(&e2e_server);
	submit(&load, &load.reads);
	submit(&load, &load.writes);
	server_kill(&e2e_server);
	cr_assert_eq(failed(&load.reads), ENTRIES);
	cr_assert_eq(failed(&load.writes), ENTRIES);
	snprintf(url, sizeof(url), "%s/file", load.mount);
	cr_assert_eq(usrbio_open(url, O_RDONLY, 0), -EREMOTEIO);
	load_close(&load);
}

E2E(outage, killed_while_it_works)
{
	struct load load;

	e2e_needs_server_process();
	load_open(&load);
	submit(&load, &load.reads);
	submit(&load, &load.writes);
	server_kill(&e2e_server);
	failed(&load.reads);
	failed(&load.writes);
	load_close(&load);
}

/* What is in flight on a ring that is destroyed, on an iov that is destroyed. */
E2E(outage, killed_and_nobody_waits)
{
	struct load load;

	e2e_needs_server_process();
	load_open(&load);
	cr_assert_eq(ring_io(&load.reads, &load.iov, load.iov.base, load.fd, 0, LEN), LEN);
	server_pause(&e2e_server);
	submit(&load, &load.reads);
	server_kill(&e2e_server);
	hf3fs_iovdestroy(&load.iov);
	load_close(&load);
}

static void expect_service(const char *mount, const char *url)
{
	int fd = file_reg(url, O_RDONLY);
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	ring_make(&ior, mount, true, 1);
	iov_make(&iov, mount, LEN);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 0, LEN), LEN);
	cr_assert_eq(pattern_diff(iov.base, LEN, 3, 0), -1);
	file_unreg(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
}

E2E(outage, another_server_after_it)
{
	char export[600], mount[300], url[400];
	struct server next;
	struct load load;

	e2e_needs_server_process();
	load_open(&load);
	cr_assert_eq(ring_io(&load.reads, &load.iov, load.iov.base, load.fd, 0, LEN), LEN);
	server_pause(&e2e_server);
	submit(&load, &load.reads);
	server_kill(&e2e_server);
	failed(&load.reads);
	snprintf(export, sizeof(export), "data=%s", e2e_dir);
	server_start(&next, NULL, export, NULL);
	snprintf(mount, sizeof(mount), "%s/data", next.addr);
	snprintf(url, sizeof(url), "%s/file", mount);
	expect_service(mount, url);
	load_close(&load);
	expect_service(mount, url);
	server_stop(&next);
}

/* It comes back at its old address, late: the same mount works, and the files that were open. */
E2E(outage, the_same_address_again)
{
	char export[600], url[400];
	struct server next;
	struct load load;

	e2e_needs_server_process();
	load_open(&load);
	snprintf(url, sizeof(url), "%s/file", load.mount);
	cr_assert_eq(ring_io(&load.reads, &load.iov, load.iov.base, load.fd, 0, LEN), LEN);
	server_pause(&e2e_server);
	submit(&load, &load.reads);
	server_kill(&e2e_server);
	cr_assert_eq(failed(&load.reads), ENTRIES);
	snprintf(export, sizeof(export), "data=%s", e2e_dir);
	server_start(&next, e2e_server.addr, export, NULL);
	/* Nobody is kept waiting any more; the first that comes has it connected. */
	while (usrbio_fsync(load.fd) == -EREMOTEIO)
		nap_ms(10);
	expect_service(load.mount, url);
	cr_assert_eq(ring_io(&load.reads, &load.iov, load.iov.base, load.fd, 0, LEN), LEN);
	load_close(&load);
	server_stop(&next);
}
