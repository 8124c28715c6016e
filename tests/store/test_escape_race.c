/*
 * Renames at the right moment: none leads out of an export.
 *
 * Prints RESULT escape-race tries= opened_inside= opened_outside=
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/outside.h"

#define RACE_ROUNDS 20000

struct racer {
	const char *dir;
	atomic_bool stop;
};

/*
 * "d" is by turns a directory inside and a link to the outside, "r" one inside and a link to the
 * root, and "a/b" is now deep, now flat.
 */
static void *exchange(void *arg)
{
	struct racer *racer = arg;
	int dir = open(racer->dir, O_RDONLY | O_DIRECTORY);

	while (!atomic_load(&racer->stop)) {
		renameat2(dir, "d", dir, "l", RENAME_EXCHANGE);
		renameat2(dir, "a/b", dir, "z", 0);
		renameat2(dir, "r", dir, "s", RENAME_EXCHANGE);
		renameat2(dir, "z", dir, "a/b", 0);
	}
	close(dir);
	return NULL;
}

struct tally {
	unsigned tries, inside, outside;
};

static void race_names(struct fixture *fixture)
{
	const struct store_ops *ops = fixture->store->ops;
	struct store_file *file;
	struct file_attr attr;

	if (!ops->open_file(fixture->store, NULL, "d/new", OPEN_WRITE | OPEN_CREATE, 0666, &file,
			    &attr))
		fixture_shut(fixture, file);
	ops->mkdir(fixture->store, NULL, "d/newdir", 0777);
	ops->link(fixture->store, NULL, "file", NULL, "d/link");
	ops->unlink(fixture->store, NULL, "d/link");
	ops->rename(fixture->store, NULL, "d/new", NULL, "d/new2", 0);
	ops->rmdir(fixture->store, NULL, "d/newdir");
}

/* Each way leads to a file inside, or else to one outside or nowhere. */
static void race(struct fixture *fixture, struct tally *tally)
{
	static const char *const ways[] = {
		"d/secret",	    "a/b/../../d/secret", "a/b/c/../../../../outside/secret",
		"d/../d/secret",    "r/etc/passwd",	  "a/b/../../r/etc/passwd",
		"r/../r/etc/passwd"};
	struct stat secret, passwd;

	cr_assert_eq(stat("d/secret", &secret) | stat("r/etc/passwd", &passwd), 0);
	for (; tally->tries < RACE_ROUNDS; tally->tries++) {
		struct store_file *file;
		struct file_attr attr;

		race_names(fixture);
		if (fixture->store->ops->open_file(fixture->store, NULL, ways[tally->tries % 7],
						   OPEN_READ, 0, &file, &attr))
			continue;
		if (attr.dev == secret.st_dev &&
		    (attr.ino == secret.st_ino || attr.ino == passwd.st_ino))
			tally->inside++;
		else
			tally->outside++;
		fixture_shut(fixture, file);
	}
}

POSIX_STORE(no_rename_at_the_right_moment_leads_out)
{
	struct racer racer = {.dir = fixture->dir};
	struct tally tally = {0}, quiet = {.tries = RACE_ROUNDS - 7};
	char *before, *after;
	pthread_t thread;

	outside_prepare(fixture);
	cr_assert_eq(chdir(fixture->dir), 0);
	cr_assert_eq(mkdir("d", 0777) | mkdir("a", 0777) | mkdir("a/b", 0777) |
			     mkdir("a/b/c", 0777) | symlink("../outside", "l") | mkdir("r", 0777) |
			     mkdir("r/etc", 0777) | symlink("/", "s"),
		     0);
	outside_write_file("d", "secret");
	outside_write_file("r/etc", "passwd");
	/* While nobody exchanges anything, each way but one leads to where it should. */
	race(fixture, &quiet);
	cr_assert_eq(quiet.inside, 6);
	before = outside_snapshot();
	cr_assert_eq(pthread_create(&thread, NULL, exchange, &racer), 0);
	race(fixture, &tally);
	atomic_store(&racer.stop, true);
	pthread_join(thread, NULL);
	after = outside_snapshot();
	printf("RESULT escape-race tries=%u opened_inside=%u opened_outside=%u\n", tally.tries,
	       tally.inside, tally.outside);
	cr_assert_eq(tally.outside, 0);
	cr_assert_str_eq(before, after);
	/* Otherwise nothing was raced. */
	cr_assert_gt(tally.inside, 0);
	cr_assert_lt(tally.inside, RACE_ROUNDS / 7 * 6);
	free(before);
	free(after);
	outside_leave(fixture);
}
