/*
 * Calls that hang in the server's file system (tests/support/slowfs) beyond the deadline of their
 * client, round by round: nothing of them lands on what was changed after they had been given up,
 * and nothing else waits for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/e2e/support/harness.h"
#include "tests/support/slowfs.h"

/*
 * The hasty client gives up soon. The patient one, another session, must be answered: what waits
 * longer counts as stuck.
 */
#define HASTY	"timeout=2"
#define PATIENT "timeout=120"

enum { NEW_SIZE = 5, OLD_SIZE = 3 };

struct bed {
	struct slowfs fs;
	struct server server;
	char url[600];
	unsigned round, late_over_newer, stuck_others;
};

/* One kind of call: the old one, what comes after it, and how newer can be told from old. */
struct kind {
	const char *op; /* at which it hangs when it is in the middle of the change */
	int (*old)(const struct bed *bed, const char *options);
	int (*newer)(const struct bed *bed, const char *options);
	const char *name; /* whose size tells: NEW_SIZE */
};

static const char *dir_of(const struct bed *bed)
{
	static _Thread_local char text[32];

	snprintf(text, sizeof(text), "d%u", bed->round);
	return text;
}

/* The URL of a name in the directory of the round. */
static const char *at(const struct bed *bed, const char *options, const char *name)
{
	static _Thread_local char texts[8][700];
	static _Thread_local unsigned next;
	char *text = texts[next++ % 8];

	snprintf(text, sizeof(texts[0]), "%s?%s/%s/%s", bed->url, options, dir_of(bed), name);
	return text;
}

/* Make something behind the mount. */
static void make(const struct bed *bed, const char *name, off_t size)
{
	char path[700];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/%s", bed->fs.backing, dir_of(bed), name);
	if (!size) {
		must(!mkdir(path, 0777), "%s", path);
		return;
	}
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0666);
	must(fd >= 0 && !ftruncate(fd, size), "%s", path);
	close(fd);
}

/* The size of a file there; -1: there is none. */
static off_t size_of(const struct bed *bed, const char *name)
{
	struct stat st;
	char path[700];

	snprintf(path, sizeof(path), "%s/%s/%s", bed->fs.backing, dir_of(bed), name);
	return stat(path, &st) ? -1 : st.st_size;
}

static int unlink_f(const struct bed *bed, const char *options)
{
	return usrbio_unlink(at(bed, options, "f"));
}

static int rename_f_to_to(const struct bed *bed, const char *options)
{
	return usrbio_rename(at(bed, options, "f"), at(bed, options, "to"));
}

static int truncate_f(const struct bed *bed, const char *options)
{
	return usrbio_truncate(at(bed, options, "f"), 0);
}

static int rename_new_to_f(const struct bed *bed, const char *options)
{
	return usrbio_rename(at(bed, options, "new"), at(bed, options, "f"));
}

static int rename_new_to_to(const struct bed *bed, const char *options)
{
	return usrbio_rename(at(bed, options, "new"), at(bed, options, "to"));
}

static int grow_f(const struct bed *bed, const char *options)
{
	return usrbio_truncate(at(bed, options, "f"), NEW_SIZE);
}

static const struct kind kinds[] = {
	{"unlink", unlink_f, rename_new_to_f, "f"},
	{"rename", rename_f_to_to, rename_new_to_to, "to"},
	{"setattr", truncate_f, grow_f, "f"},
};

/* What has nothing to do with it. */
static void expect_others(struct bed *bed)
{
	char url[700];

	snprintf(url, sizeof(url), "%s?%s/others/name", bed->url, PATIENT);
	for (int i = 0; i < 5; i++) {
		bed->stuck_others += usrbio_mkdir(url, 0755) != 0;
		bed->stuck_others += usrbio_rmdir(url) != 0;
	}
}

struct newer {
	pthread_t thread;
	struct bed *bed;
	const struct kind *kind;
	int status;
};

static void *do_newer(void *arg)
{
	struct newer *newer = arg;

	newer->status = newer->kind->newer(newer->bed, PATIENT);
	return NULL;
}

/* Begin a call that hangs at this rule, until its client gives it up. */
static void give_up(struct bed *bed, const struct kind *kind, int rule)
{
	/* On a busy machine the hasty client may give up before the call has come so far. */
	do
		cr_assert_eq(kind->old(bed, HASTY), -EREMOTEIO);
	while (!slowfs_hung(&bed->fs, rule));
}

/*
 * One round. `in_the_middle`: the call hangs while the file system changes something; else on its
 * way to the directory.
 */
static void play_round(struct bed *bed, const struct kind *kind, bool in_the_middle)
{
	struct newer newer = {.bed = bed, .kind = kind};
	struct usrbio_stat st;
	char name[64];
	int rule;

	bed->round++;
	e2e_goes_on();
	make(bed, "", 0);
	make(bed, "f", OLD_SIZE);
	make(bed, "new", NEW_SIZE);
	/* The kernel knows the name by then: others need not wait for the same lookup. */
	cr_assert_eq(usrbio_stat(at(bed, PATIENT, ""), &st), 0);
	snprintf(name, sizeof(name), "%s%s", dir_of(bed), in_the_middle ? "/f" : "");
	rule = slowfs_rule(&bed->fs, in_the_middle ? kind->op : "lookup", name, "hang count 1");
	give_up(bed, kind, rule);
	cr_assert_eq(pthread_create(&newer.thread, NULL, do_newer, &newer), 0);
	expect_others(bed);
	/* What did not begin bars nothing. */
	if (!in_the_middle)
		pthread_join(newer.thread, NULL);
	slowfs_drop(&bed->fs, rule);
	if (in_the_middle)
		pthread_join(newer.thread, NULL);
	bed->stuck_others += newer.status != 0;
	expect_others(bed);
	bed->late_over_newer += size_of(bed, kind->name) != NEW_SIZE;
}

E2E(late, nothing_lands_on_newer_changes_and_nothing_else_waits)
{
	const unsigned nr_kinds = sizeof(kinds) / sizeof(*kinds);
	const unsigned rounds = getenv("USRBIO_TEST_LONG") ? 200 : 2 * nr_kinds;
	struct bed bed = {.round = 0};
	char slow[600];

	e2e_needs_local_files();
	if (slowfs_missing())
		cr_skip_test("%s", slowfs_missing());
	slowfs_start(&bed.fs, e2e_scratch);
	snprintf(slow, sizeof(slow), "slow=%s", bed.fs.mount);
	if (e2e_on_loop) {
		snprintf(bed.url, sizeof(bed.url), "loop://%s", bed.fs.mount);
	} else {
		server_start(&bed.server, NULL, slow, NULL);
		snprintf(bed.url, sizeof(bed.url), "%s/slow", bed.server.addr);
	}
	bed.round = 0;
	snprintf(slow, sizeof(slow), "%s/others", bed.fs.backing);
	must(!mkdir(slow, 0777), "mkdir");
	for (unsigned i = 0; i < rounds; i++)
		play_round(&bed, &kinds[i / 2 % nr_kinds], i % 2);
	printf("RESULT late rounds=%u late_over_newer=%u stuck_others=%u\n", rounds,
	       bed.late_over_newer, bed.stuck_others);
	cr_assert_eq(bed.late_over_newer, 0);
	cr_assert_eq(bed.stuck_others, 0);
	if (!e2e_on_loop)
		server_stop(&bed.server);
	slowfs_stop(&bed.fs);
}
