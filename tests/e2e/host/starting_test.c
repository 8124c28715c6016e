/* What a server says and does when its machine has not what it was told to use. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/rw.h"

enum { SEED = 3 };

/* Lines of a log with this text. */
static unsigned lines_with(const char *log, const char *text)
{
	FILE *f = fopen(log, "re");
	char line[1024];
	unsigned n = 0;

	must(f, "%s", log);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	fclose(f);
	return n;
}

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
	return !ready && status == 1 && lines_with(log, why) == 1;
}

static bool export_is_refused(const char *dir, const char *options)
{
	char export[600];

	snprintf(export, sizeof(export), "x=%s%s", dir, options);
	return refuses((const char *const[]){E2E_SERVER, "--workers", "1", "--listen",
					     "tcp://127.0.0.1:0", "--export", export, NULL},
		       "another server, or another --export, has it already");
}

E2E(starting, a_second_server_of_a_directory_refuses)
{
	struct server reader, next;
	char export[600];

	e2e_needs_server_process();
	cr_assert(export_is_refused(e2e_dir, ""));
	cr_assert(export_is_refused(e2e_dir, ",ro"), "who reads only is disturbed as well");
	cr_assert(export_is_refused(e2e_read_only_dir, ""), "it disturbs who reads");
	snprintf(export, sizeof(export), "x=%s,ro", e2e_read_only_dir);
	server_start(&reader, NULL, export, NULL);
	server_stop(&reader);
	/* Nothing is left of the lock when its owner is killed. */
	server_kill(&e2e_server);
	snprintf(export, sizeof(export), "x=%s", e2e_dir);
	server_start(&next, NULL, export, NULL);
	server_stop(&next);
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
	cr_assert_eq(lines_with(server.log, "no huge pages"), 1, "of two workers");
}
