/*
 * A file system that hangs beside others of the same server, by tests/support/slowfs: what hangs
 * there harms its own export only, and no session's calls wait behind all those of another.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/e2e/support/harness.h"
#include "tests/support/slowfs.h"

enum { MOUNTS = 4, HUNG = 64 };

/* A server with two exports, one of them of a slow file system. Over loop, one server for each. */
struct bed {
	struct slowfs fs;
	struct server server;
	char slow[600], well[600]; /* their mounts, for options to follow */
};

/* One call, on a thread of its own. */
struct asker {
	pthread_t thread;
	char path[700];
	int status;
	atomic_bool done;
};

static void bed_open(struct bed *bed, const char *option)
{
	char slow[600], well[600];

	e2e_needs_local_files();
	if (slowfs_missing())
		cr_skip_test("%s", slowfs_missing());
	slowfs_start(&bed->fs, e2e_scratch);
	cr_assert_eq(mkdir(scratch_file("well"), 0755), 0);
	if (e2e_on_loop) {
		snprintf(bed->slow, sizeof(bed->slow), "loop://%s", bed->fs.mount);
		snprintf(bed->well, sizeof(bed->well), "loop://%s", scratch_file("well"));
		return;
	}
	snprintf(slow, sizeof(slow), "slow=%s", bed->fs.mount);
	snprintf(well, sizeof(well), "well=%s", scratch_file("well"));
	server_start(&bed->server, NULL, slow, well, option, NULL);
	snprintf(bed->slow, sizeof(bed->slow), "%s/slow", bed->server.addr);
	snprintf(bed->well, sizeof(bed->well), "%s/well", bed->server.addr);
}

static void bed_close(struct bed *bed)
{
	if (!e2e_on_loop)
		server_stop(&bed->server);
	slowfs_stop(&bed->fs);
}

/* A path below a mount: mounts with different numbers are different sessions. */
static const char *at(const char *mount, unsigned number, const char *options, const char *name)
{
	static _Thread_local char texts[8][700];
	static _Thread_local unsigned next;
	char *text = texts[next++ % 8];

	snprintf(text, sizeof(texts[0]), "%s?timeout=%u%s%s%s", mount, 600 + number, options,
		 *name ? "/" : "", name);
	return text;
}

static void *ask(void *arg)
{
	struct asker *asker = arg;
	struct usrbio_stat st;

	asker->status = usrbio_stat(asker->path, &st);
	atomic_store(&asker->done, true);
	return NULL;
}

static void ask_on_thread(struct asker *asker, const char *path)
{
	pthread_attr_t attr;

	*asker = (struct asker){.status = 0};
	snprintf(asker->path, sizeof(asker->path), "%s", path);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512 << 10);
	cr_assert_eq(pthread_create(&asker->thread, &attr, ask, asker), 0);
	pthread_attr_destroy(&attr);
}

/* All have been told that there is no such file. */
static void join(struct asker *askers, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		pthread_join(askers[i].thread, NULL);
		cr_assert_eq(askers[i].status, -ENOENT, "%s: %d", askers[i].path, askers[i].status);
	}
}

/* The row of the export. */
struct load {
	uint64_t calls, closes; /* that run, or wait for a thread */
};

static uint64_t value(const struct usrbio_server_counters *row, const char *name)
{
	for (size_t i = 0; i < row->nr; i++)
		if (!strcmp(row->names[i], name))
			return row->values[i];
	must(false, "no %s", name);
	return 0;
}

static void add_load(void *arg, const struct usrbio_server_counters *row)
{
	struct load *load = arg;

	if (strcmp(row->kind, "export"))
		return;
	load->calls = value(row, "calls_busy") + value(row, "calls_waiting");
	load->closes = value(row, "closes_busy") + value(row, "closes_waiting");
}

/* This needs none of the export's threads. */
static struct load load_of(const char *mount)
{
	struct load load = {0};

	cr_assert_eq(usrbio_server_counters(mount, add_load, &load), 0);
	return load;
}

/* The calls of all these mounts: over loop each of them has a server of its own. */
static uint64_t calls_at(const char *mount)
{
	uint64_t calls = 0;

	for (unsigned i = 0; i < (e2e_on_loop ? MOUNTS : 1); i++)
		calls += load_of(at(mount, i, "", "")).calls;
	return calls;
}

/* HUNG calls over MOUNTS sessions, all of them at the server. */
static void hang_calls(struct bed *bed, struct asker askers[HUNG])
{
	char name[32];

	for (int i = 0; i < HUNG; i++) {
		snprintf(name, sizeof(name), "hang%d", i);
		ask_on_thread(&askers[i], at(bed->slow, i % MOUNTS, "", name));
	}
	while (calls_at(bed->slow) < HUNG)
		nap_ms(10);
}

static void expect_well(struct bed *bed)
{
	const char *path = at(bed->well, 0, "", "file");
	struct usrbio_stat st;

	for (int i = 0; i < 50; i++) {
		int fd = usrbio_open(path, O_RDWR | O_CREAT, 0644);

		cr_assert_geq(fd, 0);
		cr_assert_eq(usrbio_stat(path, &st), 0);
		cr_assert_eq(usrbio_close(fd), 0);
	}
	while (load_of(at(bed->well, 0, "", "")).closes)
		nap_ms(10);
}

E2E(hung, calls_of_one_export_stop_no_other)
{
	static struct asker askers[HUNG];
	int rule, closed, fd;
	struct bed bed;
	uint64_t ns;

	bed_open(&bed, NULL);
	fd = usrbio_open(at(bed.slow, 0, "", "file"), O_RDWR | O_CREAT, 0644);
	cr_assert_geq(fd, 0);
	rule = slowfs_rule(&bed.fs, "lookup", "hang*", "hang");
	hang_calls(&bed, askers);
	expect_well(&bed);
	/* Nor do they stop what touches no file system, or the closing of files, of their own. */
	cr_assert_eq(usrbio_ping(at(bed.slow, 0, "", ""), &ns), 0);
	closed = slowfs_rule(&bed.fs, "flush", "file", "pass");
	cr_assert_eq(usrbio_close(fd), 0);
	slowfs_wait_matched(&bed.fs, closed, 1);
	cr_assert_gt(slowfs_hung(&bed.fs, rule), 0);
	slowfs_drop(&bed.fs, rule);
	join(askers, HUNG);
	bed_close(&bed);
}

E2E(hung, closes_of_one_export_stop_no_other_and_no_call)
{
	struct usrbio_stat st;
	struct bed bed;
	int rule, fd;

	bed_open(&bed, NULL);
	cr_assert_eq(usrbio_mkdir(at(bed.slow, 0, "", "there"), 0755), 0);
	rule = slowfs_rule(&bed.fs, "flush", "*", "hang");
	for (int i = 0; i < HUNG; i++) {
		fd = usrbio_open(at(bed.slow, 0, "", "file"), O_RDWR | O_CREAT, 0644);
		cr_assert_geq(fd, 0);
		cr_assert_eq(usrbio_close(fd), 0);
	}
	slowfs_wait(&bed.fs, rule, 2);
	expect_well(&bed);
	cr_assert_eq(usrbio_stat(at(bed.slow, 0, "", "there"), &st), 0);
	slowfs_drop(&bed.fs, rule);
	while (load_of(at(bed.slow, 0, "", "")).closes)
		nap_ms(10);
	bed_close(&bed);
}

/* One thread for all calls, and a session with a thousand of them. */
E2E(hung, a_flood_of_one_session_costs_another_a_turn)
{
	enum { FLOOD = 1000 };
	const unsigned n = full_or_quick(FLOOD, 200);
	static struct asker flood[FLOOD], polite;
	int rule, seen, turns = 0;
	struct bed bed;
	char name[32];

	bed_open(&bed, "--call-threads=1");
	rule = slowfs_rule(&bed.fs, "lookup", "flood*", "hang");
	seen = slowfs_rule(&bed.fs, "lookup", "polite", "pass");
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "flood%u", i);
		ask_on_thread(&flood[i], at(bed.slow, 0, "&nconnect=16", name));
	}
	while (load_of(at(bed.slow, 0, "&nconnect=16", "")).calls < n)
		nap_ms(10);
	ask_on_thread(&polite, at(bed.slow, 1, "", "polite"));
	/* Over loop there are more threads, and it waits for none of them. */
	while (!slowfs_matched(&bed.fs, seen) && load_of(at(bed.slow, 1, "", "")).calls <= n)
		nap_ms(10);
	for (; !slowfs_matched(&bed.fs, seen); turns++) {
		cr_assert_lt(turns, 2, "it waits for more than a turn of the other session");
		cr_assert_eq(slowfs_release(&bed.fs, rule, 1), 1);
		slowfs_wait(&bed.fs, rule, 1);
	}
	join(&polite, 1);
	slowfs_drop(&bed.fs, rule);
	join(flood, n);
	bed_close(&bed);
}

/* The one thread for calls hangs in a file system that is mounted below the export. */
E2E(hung, attributes_in_memory_need_no_thread)
{
	static struct asker asker;
	struct usrbio_stat st;
	struct bed bed;
	char all[600];
	int rule, fd;

	e2e_needs_server_process();
	bed_open(&bed, NULL);
	server_stop(&bed.server);
	snprintf(all, sizeof(all), "all=%s", e2e_scratch);
	server_start(&bed.server, NULL, all, "--call-threads=1", NULL);
	snprintf(all, sizeof(all), "%s/all", bed.server.addr);
	fd = usrbio_open(at(all, 0, "", "well/file"), O_RDWR | O_CREAT, 0644);
	cr_assert_geq(fd, 0);
	rule = slowfs_rule(&bed.fs, "lookup", "hang", "hang");
	ask_on_thread(&asker, at(all, 0, "", "slow/hang"));
	slowfs_wait(&bed.fs, rule, 1);
	cr_assert_eq(usrbio_stat(at(all, 0, "", "well/file"), &st), 0);
	cr_assert_eq(usrbio_stat(at(all, 0, "", "well"), &st), 0);
	cr_assert_eq(usrbio_fstat(fd, &st), 0);
	cr_assert_eq(usrbio_stat(at(all, 1, "", ""), &st), 0);
	cr_assert_eq(slowfs_hung(&bed.fs, rule), 1);
	slowfs_drop(&bed.fs, rule);
	join(&asker, 1);
	cr_assert_eq(usrbio_close(fd), 0);
	bed_close(&bed);
}

/* The keyring and the key of a client that acts as a user. */
static void make_user(void)
{
	char command[2048];

	snprintf(command, sizeof(command),
		 "cd '%s' && '%s' keygen alice alice && umask 077 && "
		 "{ cat alice; echo export = slow:rw; echo uid = 1501; echo gid = 1601; } >ring",
		 e2e_scratch, E2E_TOOL);
	cr_assert_eq(run("/bin/sh", "-c", command), 0);
	setenv("USRBIO_KEY", scratch_file("alice"), 1);
}

/* The thread that made the call ends it, and closes the file, while all threads for that hang. */
E2E(hung, what_a_call_of_a_user_opened_in_vain_is_closed_beside_closes_that_hang)
{
	int hung, open, closed, fd, kept;
	struct bed bed;
	char ring[600], vain[700];

	e2e_needs_server_process();
	make_user();
	snprintf(ring, sizeof(ring), "--keyring=%s", scratch_file("ring"));
	bed_open(&bed, ring);
	must(!chmod(bed.fs.backing, 0777), "chmod");
	/* Files of this mount stay open, so that nothing else is closed. */
	snprintf(vain, sizeof(vain), "%s?timeout=2/kept", bed.slow);
	kept = usrbio_open(vain, O_RDWR | O_CREAT, 0644);
	snprintf(vain, sizeof(vain), "%s?timeout=2/hung", bed.slow);
	fd = usrbio_open(vain, O_RDWR | O_CREAT, 0644);
	cr_assert(kept >= 0 && fd >= 0, "%d %d", kept, fd);
	hung = slowfs_rule(&bed.fs, "flush", "hung", "hang");
	cr_assert_eq(usrbio_close(fd), 0);
	slowfs_wait(&bed.fs, hung, 1);
	open = slowfs_rule(&bed.fs, "create", "vain", "hang");
	closed = slowfs_rule(&bed.fs, "flush", "vain", "pass");
	snprintf(vain, sizeof(vain), "%s?timeout=2/vain", bed.slow);
	cr_assert_eq(usrbio_open(vain, O_RDWR | O_CREAT, 0644), -EREMOTEIO);
	slowfs_drop(&bed.fs, open);
	slowfs_wait_matched(&bed.fs, closed, 1);
	slowfs_drop(&bed.fs, hung);
	cr_assert_eq(usrbio_close(kept), 0);
	unsetenv("USRBIO_KEY");
	bed_close(&bed);
}
