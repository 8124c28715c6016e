/* What a server says and does when its machine has not what it was told to use. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/rw.h"
#include "tests/e2e/support/traces.h"

enum { SEED = 3 };

/* Does the server end with an error, and with one line about `why`, instead of starting? */
static bool refuses(const char *const argv[], const char *why)
{
	const char *log = scratch_file("refused.log");
	struct process process;
	char line[256];
	bool ready = false;
	int status;

	remove(log);
	process_start(&process, argv, log);
	while (!ready && process_line(&process, line, sizeof(line)))
		ready = !strcmp(line, "ready");
	if (ready)
		kill(process.pid, SIGKILL);
	status = process_wait(&process);
	return !ready && status == 1 && log_lines_with(log, why) == 1;
}

/* Two exports of one server can have one directory only if neither changes it. */
E2E(starting, two_exports_of_a_directory_are_refused)
{
	char first[600], second[600];

	e2e_needs_server_process();
	server_kill(&e2e_server);
	snprintf(first, sizeof(first), "x=%s", e2e_dir);
	snprintf(second, sizeof(second), "z=%s,ro", e2e_dir);
	cr_assert(refuses((const char *const[]){E2E_SERVER, "--workers", "1", "--listen",
						"tcp://127.0.0.1:0", "--export", first, "--export",
						second, NULL},
			  "\"x\" and \"z\" have one directory"));
}

/* Start a program that waits for the export "x" of this server, and see that it waits. */
static void start_waiting(struct process *client, const struct server *server, const char *log)
{
	char mount[300];

	snprintf(mount, sizeof(mount), "%s/x", server->addr);
	process_start(client, (const char *const[]){E2E_TOOL, "ls", mount, NULL}, log);
	while (access(log, F_OK) ||
	       !log_lines_with(log,
			       "another server still has the export \"x\"; waiting up to 60 s"))
		nap_ms(10);
}

/* A server whose neighbour has the directory serves its other exports, and that one afterwards. */
static void expect_wait(struct server *neighbour, const char *options)
{
	const char *log = scratch_file("waits");
	char export[600], url[200];
	struct process client;
	struct server next;
	int fd;

	remove(log);
	snprintf(export, sizeof(export), "x=%s%s", e2e_dir, options);
	server_start(&next, NULL, export, "y=memory:", NULL);
	snprintf(url, sizeof(url), "%s/y/file", next.addr);
	fd = usrbio_open(url, O_RDWR | O_CREAT, 0600);
	cr_assert_geq(fd, 0, "%d", fd);
	usrbio_close(fd);
	start_waiting(&client, &next, log);
	server_kill(neighbour);
	cr_assert_eq(process_wait(&client), 0);
	cr_assert_eq(log_lines_with(log, ""), 1);
	cr_assert_geq(log_lines_with(next.log, "the other server has ended; it is served now"), 1);
	*neighbour = next;
}

E2E(starting, a_second_server_of_a_directory_waits_for_it)
{
	struct server reader, another;
	char export[600];

	e2e_needs_server_process();
	setenv("USRBIO_LOG", "warn", 1);
	expect_wait(&e2e_server, "");
	expect_wait(&e2e_server, ",ro");
	snprintf(export, sizeof(export), "x=%s,ro", e2e_dir);
	server_start(&reader, NULL, export, NULL);
	/* One log has the lines of all servers of a test. */
	cr_assert_eq(log_lines_with(reader.log, "another server has"), 2,
		     "none for one that reads, too");
	server_stop(&reader);
	expect_wait(&e2e_server, "");
	/* It may stop while it waits. */
	server_start(&another, NULL, export, NULL);
	server_stop(&another);
}

E2E(starting, too_little_memory_is_said)
{
	char command[900];

	e2e_needs_server_process();
#ifdef __SANITIZE_ADDRESS__
	cr_skip_test("AddressSanitizer needs more address space than there is");
#endif
	snprintf(command, sizeof(command),
		 "ulimit -v 1000000 && exec %s --workers 1 --staging 2000 --listen "
		 "tcp://127.0.0.1:0 --export x=null:4096",
		 E2E_SERVER);
	cr_assert(refuses((const char *const[]){"/bin/sh", "-c", command, NULL},
			  "no memory for 2000 MiB of staging buffers: lower --staging"));
}

static bool has_huge_pages(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long n = 0;
	char line[128];

	must(f, "meminfo");
	while (!n && fgets(line, sizeof(line), f))
		sscanf(line, "HugePages_Free: %lu", &n);
	fclose(f);
	return n;
}

E2E(starting, no_huge_pages_is_a_line_and_no_more)
{
	char mount[300], url[400];
	struct server server;
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	if (has_huge_pages())
		cr_skip_test("this machine has huge pages");
	server_start(&server, NULL, "--huge-pages", "--log=info", "x=memory:", NULL);
	snprintf(mount, sizeof(mount), "%s/x", server.addr);
	snprintf(url, sizeof(url), "%s/file", mount);
	rw_open(&rw, mount, 4096);
	fd = file_reg(url, O_RDWR | O_CREAT);
	rw_put(&rw, fd, SEED, 0, 4096);
	rw_expect(&rw, fd, SEED, 0, 4096);
	file_unreg(fd);
	rw_close(&rw);
	server_stop(&server);
	cr_assert_eq(log_lines_with(server.log, "no huge pages"), 1, "of two workers");
}
