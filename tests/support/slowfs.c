/* The program slowfs, as tests use it: started beside the test, told what to do line by line. */
#include "tests/support/slowfs.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/must.h"
#include "tests/support/slowfs/control.h"

const char *slowfs_missing(void)
{
	if (geteuid())
		return "only root can mount a slow file system";
	return access("/dev/fuse", R_OK | W_OK) ? "there is no /dev/fuse here" : NULL;
}

static void make_dir(const char *path)
{
	must(!mkdir(path, 0777) || errno == EEXIST, "%s: %s", path, strerror(errno));
}

void slowfs_start(struct slowfs *fs, const char *dir)
{
	static atomic_uint nr;
	char line[64];

	snprintf(fs->backing, sizeof(fs->backing), "%s/backing", dir);
	snprintf(fs->mount, sizeof(fs->mount), "%s/slow", dir);
	snprintf(fs->socket, sizeof(fs->socket), "@slowfs.%d.%u", getpid(),
		 atomic_fetch_add(&nr, 1));
	make_dir(fs->backing);
	make_dir(fs->mount);
	process_start(&fs->process,
		      (const char *const[]){SLOWFS, fs->backing, fs->mount, fs->socket, NULL},
		      NULL);
	/*
	 * A program whose threads hang in the file system cannot write a core: it would wait for
	 * them first, and slowfs for its end.
	 */
	prctl(PR_SET_DUMPABLE, 0);
	must(process_line(&fs->process, line, sizeof(line)) && !strcmp(line, "ready"),
	     "slowfs does not start");
}

void slowfs_stop(struct slowfs *fs)
{
	must(!kill(fs->process.pid, SIGTERM), "kill");
	must(!process_wait(&fs->process), "slowfs ended badly");
}

#define ANSWER_SIZE 64

/* One command; what follows "ok" goes to `answer`, of ANSWER_SIZE bytes, unless that is NULL. */
static void command(struct slowfs *fs, char *answer, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void command(struct slowfs *fs, char *answer, const char *fmt, ...)
{
	int fd = control_connect(fs->socket);
	char line[ANSWER_SIZE];
	va_list args;
	FILE *file;

	must(fd >= 0, "slowfs: %s", strerror(-fd));
	va_start(args, fmt);
	vdprintf(fd, fmt, args);
	va_end(args);
	file = fdopen(fd, "r");
	must(file && fgets(line, sizeof(line), file), "slowfs is gone");
	fclose(file);
	must(!strncmp(line, "ok", 2), "slowfs: %s: %s", fmt, line);
	if (answer)
		strcpy(answer, line + 2);
}

int slowfs_rule(struct slowfs *fs, const char *ops, const char *pattern, const char *action)
{
	char answer[ANSWER_SIZE];

	command(fs, answer, "rule %s %s %s\n", ops, pattern, action);
	return atoi(answer);
}

void slowfs_wait(struct slowfs *fs, int rule, unsigned n)
{
	command(fs, NULL, "wait %d %u\n", rule, n);
}

void slowfs_wait_matched(struct slowfs *fs, int rule, unsigned n)
{
	command(fs, NULL, "wait-matched %d %u\n", rule, n);
}

static void state(struct slowfs *fs, int rule, unsigned *hung, unsigned *matched)
{
	char answer[ANSWER_SIZE];

	command(fs, answer, "state %d\n", rule);
	must(sscanf(answer, "%u %u", hung, matched) == 2, "%s", answer);
}

unsigned slowfs_hung(struct slowfs *fs, int rule)
{
	unsigned hung, matched;

	state(fs, rule, &hung, &matched);
	return hung;
}

unsigned slowfs_matched(struct slowfs *fs, int rule)
{
	unsigned hung, matched;

	state(fs, rule, &hung, &matched);
	return matched;
}

unsigned slowfs_release(struct slowfs *fs, int rule, unsigned n)
{
	char answer[ANSWER_SIZE];

	command(fs, answer, "release %d %u\n", rule, n);
	return (unsigned)atoi(answer);
}

void slowfs_drop(struct slowfs *fs, int rule)
{
	command(fs, NULL, "drop %d\n", rule);
}
