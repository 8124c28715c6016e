/*
 * A server is told to stop while a file system hangs: it ends in time and says what hangs, and the
 * next one serves what does not hang at once. Prints RESULT stop rounds= longest_ms=.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "common/base/clock.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/traces.h"
#include "tests/support/slowfs.h"

enum {
	STOP_MS = 10000,     /* a tenth of it is for naming what hangs, also on a busy machine */
	GENEROUS_MS = 60000, /* for a busy machine, beside STOP_MS */
	EXIT_HUNG = 3,
};

/* What hangs, what has it hang, and what the log says about it. */
static const struct kind {
	const char *op, *said;
	bool mkdir;
} kinds[] = {
	{"write", "export \"slow\": its file system hangs: write of ", false},
	{"fsync", "export \"slow\": its file system hangs: call fsync \"", false},
	{"mkdir", "export \"slow\": its file system hangs: call mkdir \"new", true},
	{"flush", "export \"slow\": its file system hangs: closing files: 1 under way", false},
};

struct bed {
	struct slowfs fs;
	struct server server;
	char slow[600], well[600], source[600]; /* two exports, and a file to copy */
};

/* The state of the first thread of a process, and how the process is to end once it is Z. */
static char state_of(pid_t pid, int *status)
{
	char path[64], line[1024] = "", *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	must(f && fgets(line, sizeof(line), f), "%s", path);
	fclose(f);
	at = strrchr(line, ')');
	must(at, "%s", line);
	*status = atoi(strrchr(line, ' ') + 1) >> 8;
	return at[2];
}

/*
 * SIGTERM, until all threads have ended that do not hang. Those keep the process from being waited
 * for. Returns how long that took, in milliseconds.
 */
static uint64_t stop(const struct server *server)
{
	const uint64_t begin = now_ns();
	int status;

	cr_assert_eq(kill(server->process.pid, SIGTERM), 0);
	while (state_of(server->process.pid, &status) != 'Z')
		nap_ms(5);
	cr_assert_eq(status, EXIT_HUNG, "%d", status);
	return (now_ns() - begin) / NS_PER_MS;
}

/* A client program that does what is to hang. */
static void start_client(struct process *client, const struct bed *bed, const struct kind *kind,
			 unsigned round)
{
	char url[200];

	snprintf(url, sizeof(url), "%s/slow/new%u", bed->server.addr, round);
	if (kind->mkdir)
		process_start(client, (const char *const[]){E2E_TOOL, "mkdir", url, NULL}, NULL);
	else
		process_start(client,
			      (const char *const[]){E2E_TOOL, "cp", "-q", bed->source, url, NULL},
			      NULL);
}

static void expect_served(const struct server *server)
{
	char url[200];
	int fd;

	snprintf(url, sizeof(url), "%s/well/file", server->addr);
	fd = usrbio_open(url, O_RDWR | O_CREAT, 0600);
	cr_assert_geq(fd, 0, "%d", fd);
	cr_assert_eq(usrbio_fsync(fd), 0);
	cr_assert_eq(usrbio_close(fd), 0);
}

/* Clients of the export that hangs are told to wait, and get it when it does not hang any more. */
static void expect_waits(struct bed *bed, int rule, struct process *old)
{
	const char *log = scratch_file("waits");
	struct process client;
	char url[200];

	remove(log);
	snprintf(url, sizeof(url), "%s/slow", bed->server.addr);
	process_start(&client, (const char *const[]){E2E_TOOL, "ls", url, NULL}, log);
	while (access(log, F_OK) || !log_lines_with(log, "another server still has the export"))
		nap_ms(10);
	slowfs_drop(&bed->fs, rule);
	cr_assert_eq(process_wait(old), EXIT_HUNG);
	cr_assert_eq(process_wait(&client), 0);
}

/* One round: the bed has another server after it, at the same address. */
static uint64_t play(struct bed *bed, const struct kind *kind, unsigned round)
{
	int rule = slowfs_rule(&bed->fs, kind->op, "*", "hang");
	struct process client, old = bed->server.process;
	char addr[sizeof(bed->server.addr)];
	uint64_t ms;

	must(!truncate(bed->server.log, 0), "%s", bed->server.log);
	start_client(&client, bed, kind, round);
	slowfs_wait(&bed->fs, rule, 1);
	ms = stop(&bed->server);
	cr_assert_geq(log_lines_with(bed->server.log, kind->said), 1, "%s", kind->said);
	strcpy(addr, bed->server.addr);
	server_start(&bed->server, addr, bed->slow, bed->well, "--stop-time=10", NULL);
	expect_served(&bed->server);
	cr_assert_geq(log_lines_with(bed->server.log, "another server has"), 1, "%s", kind->op);
	kill(client.pid, SIGKILL);
	process_wait(&client);
	expect_waits(bed, rule, &old);
	return ms;
}

static void bed_open(struct bed *bed)
{
	FILE *f;

	e2e_needs_server_process();
	if (slowfs_missing())
		cr_skip_test("%s", slowfs_missing());
	setenv("USRBIO_LOG", "warn", 1);
	slowfs_start(&bed->fs, e2e_scratch);
	cr_assert_eq(mkdir(scratch_file("well"), 0755), 0);
	snprintf(bed->slow, sizeof(bed->slow), "slow=%s", bed->fs.mount);
	snprintf(bed->well, sizeof(bed->well), "well=%s", scratch_file("well"));
	snprintf(bed->source, sizeof(bed->source), "%s", scratch_file("source"));
	f = fopen(bed->source, "we");
	must(f && fputs("what is to be copied", f) >= 0 && !fclose(f), "%s", bed->source);
	server_start(&bed->server, NULL, bed->slow, bed->well, "--stop-time=10", NULL);
}

E2E(hung_stop, ends_in_time_and_the_next_one_begins)
{
	const unsigned rounds = sizeof(kinds) / sizeof(*kinds);
	uint64_t longest = 0;
	struct bed bed;

	bed_open(&bed);
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t ms = play(&bed, &kinds[i], i);

		longest = ms > longest ? ms : longest;
	}
	server_stop(&bed.server);
	slowfs_stop(&bed.fs);
	printf("RESULT stop rounds=%u longest_ms=%llu\n", rounds, (unsigned long long)longest);
	fflush(stdout);
	cr_assert_leq(longest, STOP_MS + GENEROUS_MS);
}
