/* What is left behind: nothing. And what it costs to be there without work: nothing. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/survive/again.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/traces.h"

/* A client with everything open; returns the id of its iov. */
static void start_holder(struct process *client, char *id, size_t size)
{
	char url[1024];

	snprintf(url, sizeof(url), "%s", url_of("file"));
	process_start(client, (const char *const[]){E2E_CLIENT, e2e_mount, "hold", url, NULL},
		      NULL);
	cr_assert(process_line(client, id, size));
	cr_assert_eq(strlen(id), 32, "%s", id);
	cr_assert(has_name(id), "where would others find the iov?");
}

/* A client leaves without giving back its iov, ring and file. */
static void hold_and_leave(int sig)
{
	struct process client;
	char id[64];

	start_holder(&client, id, sizeof(id));
	if (sig) {
		kill(client.pid, sig);
		cr_assert_eq(process_wait(&client), 128 + sig);
	} else {
		cr_assert_eq(process_wait(&client), 0);
	}
	expect_no_name(id);
}

/* Some clients at once to begin with: what workers open once and keep is nobody's. */
static unsigned after_some_clients(void)
{
	struct process clients[4];
	char id[64];

	e2e_needs_local_files();
	file_make("file", 3, 4096);
	for (int i = 0; i < 4; i++)
		start_holder(&clients[i], id, sizeof(id));
	for (int i = 0; i < 4; i++)
		cr_assert_eq(process_wait(&clients[i]), 0);
	return settled_server_fds();
}

E2E(lifecycle, gone_clients_leave_nothing)
{
	unsigned fds = after_some_clients();

	/* They say goodbye: their sessions do not stay for the session time. */
	for (int i = 0; i < full_or_quick(20, 6); i++)
		hold_and_leave(0);
	await_server_fds(fds);
}

E2E(lifecycle, killed_clients_leave_nothing_behind_the_session_time)
{
	unsigned fds;

	e2e_needs_server_process();
	server_forgets_soon();
	fds = after_some_clients();
	for (int i = 0; i < full_or_quick(10, 3); i++)
		hold_and_leave(SIGKILL);
	await_server_fds(fds);
}

E2E(lifecycle, a_killed_client_may_come_back_for_the_session_time)
{
	unsigned fds;

	e2e_needs_server_process();
	fds = after_some_clients();
	hold_and_leave(SIGKILL);
	cr_expect_gt(settled_server_fds(), fds, "its file stays open");
}

E2E(lifecycle, a_present_client_shows)
{
	struct process client;
	unsigned fds;
	char id[64];

	e2e_needs_server_process();
	fds = after_some_clients();
	start_holder(&client, id, sizeof(id));
	/* At least the file. */
	cr_assert_gt(server_fds(), fds);
	cr_assert_eq(process_wait(&client), 0);
	await_server_fds(fds);
}

/* Use a mount from nothing, and give back everything. */
static void come_and_go(const char *mount)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	char url[600];
	int fd;

	snprintf(url, sizeof(url), "%s/%sfile", mount, e2e_prefix);
	fd = file_reg(url, O_RDONLY);
	ring_make(&ior, mount, true, 4);
	iov_make(&iov, mount, 4096);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 0, 4096), 4096);
	cr_assert_eq(pattern_diff(iov.base, 4096, 3, 0), -1);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
	file_unreg(fd);
}

static unsigned settled(unsigned (*count)(pid_t), unsigned most)
{
	unsigned n = count(getpid());

	for (int i = 0; i < 3000 && n > most; i++) {
		nap_ms(10);
		n = count(getpid());
	}
	return n;
}

/* The same mount again and again, and as often one that differs in its spelling: a connection each.
 */
E2E(lifecycle, come_and_go_200_times)
{
	unsigned fds, threads, at_server = e2e_dir ? after_some_clients() : 0;
	char option[24];

	file_make("file", 3, 4096);
	come_and_go(e2e_mount);
	nap_ms(100);
	fds = process_fds(getpid());
	threads = process_threads(getpid());
	for (int i = 0; i < full_or_quick(200, 20); i++) {
		snprintf(option, sizeof(option), "timeout=%d", 100 + i);
		come_and_go(mount_with(option));
		come_and_go(e2e_mount);
	}
	/* Connections may stay for a while, in case somebody comes back. */
	cr_assert_leq(settled(process_fds, fds), fds);
	cr_assert_leq(settled(process_threads, threads), threads);
	if (e2e_dir)
		await_server_fds(at_server);
}

/*
 * Two idle seconds with a mount, a ring, an iov and a file in use on both sides. Ticks are 10 ms of
 * CPU, busy polling would be 200; a wake-up per second and thread would already be too many.
 */
E2E(lifecycle, idle_costs_nothing)
{
	pid_t pids[2] = {getpid(), e2e_server.process.pid};
	unsigned long ticks[2], switches[2];
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int nr = e2e_on_loop ? 1 : 2, fd;

	e2e_needs_local_files();
	file_make("file", 3, 4096);
	fd = file_reg(url_of("file"), O_RDONLY);
	ring_make(&ior, NULL, true, 4);
	iov_make(&iov, NULL, 4096);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 0, 4096), 4096);
	nap_ms(300);
	for (int i = 0; i < nr; i++) {
		ticks[i] = process_ticks(pids[i]);
		switches[i] = process_switches(pids[i]);
	}
	nap_ms(2000);
	for (int i = 0; i < nr; i++) {
		const char *who = i ? "server" : "client";

		ticks[i] = process_ticks(pids[i]) - ticks[i];
		switches[i] = process_switches(pids[i]) - switches[i];
		cr_assert_leq(ticks[i], full_or_quick(2UL, 20UL), "the idle %s used %lu ticks", who,
			      ticks[i]);
		cr_assert_leq(switches[i], 10, "the idle %s woke %lu times", who, switches[i]);
	}
	/* And awake again. */
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 0, 4096), 4096);
	file_unreg(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
}

/* The data went by one-sided operations, and full reads completed by an immediate. */
E2E(lifecycle, data_goes_by_one_sided_operations)
{
	struct usrbio_counters before, after;
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	int fd, n = full_or_quick(100, 20);

	file_make("file", 3, 1 << 20);
	fd = file_reg(url_of("file"), O_RDWR);
	ring_make(&reads, NULL, true, 4);
	ring_make(&writes, NULL, false, 4);
	iov_make(&iov, NULL, 4096);
	cr_assert_eq(ring_io(&reads, &iov, iov.base, fd, 0, 4096), 4096);
	cr_assert_eq(usrbio_counters(e2e_mount, &before), 0);
	for (int i = 0; i < n; i++)
		cr_assert_eq(ring_io(&reads, &iov, iov.base, fd, i * 100, 4096), 4096);
	cr_assert_eq(usrbio_counters(e2e_mount, &after), 0);
	cr_assert_eq(after.ios - before.ios, (uint64_t)n);
	cr_assert_eq(after.imms_received - before.imms_received, (uint64_t)n);
	if (!strncmp(e2e_mount, "tcp:", 4))
		cr_assert_geq(after.remote_writes - before.remote_writes, (uint64_t)n, "%lu of %d",
			      after.remote_writes - before.remote_writes, n);
	before = after;
	for (int i = 0; i < n; i++)
		cr_assert_eq(ring_io(&writes, &iov, iov.base, fd, i * 100, 4096), 4096);
	cr_assert_eq(usrbio_counters(e2e_mount, &after), 0);
	cr_assert_eq(after.ios - before.ios, (uint64_t)n);
	if (!strncmp(e2e_mount, "tcp:", 4))
		cr_assert_geq(after.remote_reads - before.remote_reads, (uint64_t)n);
	file_unreg(fd);
	hf3fs_iordestroy(&reads);
	hf3fs_iordestroy(&writes);
	hf3fs_iovdestroy(&iov);
}
