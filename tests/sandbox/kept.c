/*
 * Open files of which a service manager keeps the descriptors, through kills of the server: what a
 * client keeps with and without that, what a manager that returns wrong descriptors can reach, and
 * that nothing is kept longer than needed. Needs root.
 *
 * Prints RESULT kept server= cases= open= stale= wrong= for each kind of server.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/sandbox/kept_bed.h"
#include "tests/support/must.h"

#define HANG_S 280

static const struct kept_kind kinds[] = {
	{"user", {.uid = USER}, false},
	{"user-kept", {.uid = USER, .max = MANAGED_MAX}, false},
	{"user-filtered", {.uid = USER, .no_handles = true}, false},
	{"user-filtered-kept", {.uid = USER, .no_handles = true, .max = MANAGED_MAX}, false},
	{"user-nameless", {.uid = USER}, false, true},
	{"user-nameless-kept", {.uid = USER, .max = MANAGED_MAX}, false, true},
	{"root", {.uid = 0}, true},
	{"root-kept", {.max = MANAGED_MAX}, true},
	{"root-filtered-kept", {.no_handles = true, .max = MANAGED_MAX}, false},
};

/* What happens to an open file, whose name it is. */
static void nothing(int fd, const char *name)
{
}

static void forbid(int fd, const char *name)
{
	must(!usrbio_fchmod(fd, 0), "%s", name);
}

static void forbid_behind(int fd, const char *name)
{
	must(!chmod(path_of("export", name), 0600), "%s", name);
}

static void rename_behind(int fd, const char *name)
{
	must(!rename(path_of("export", name), path_of("export/dir", name)), "%s", name);
}

/* Into a directory of root alone. */
static void lock_away(int fd, const char *name)
{
	must(!rename(path_of("export", name), path_of("export/locked", name)), "%s", name);
}

static void replace(int fd, const char *name)
{
	int other;

	remove_it(fd, name);
	other = open(path_of("export", name), O_CREAT | O_EXCL | O_WRONLY, 0666);
	must(other >= 0 && !fchmod(other, 0666) && write(other, "other", 5) == 5, "%s", name);
	close(other);
}

static const struct kept_case cases[] = {
	{"plain", false, 0644, nothing, 0, 0},
	{"created-0444", false, 0444, nothing, 0, 0},
	{"forbidden", false, 0644, forbid, 0, 0},
	{"forbidden-behind", true, 0666, forbid_behind, -ESTALE, 0},
	{"renamed", false, 0644, rename_behind, 0, 0},
	{"locked-away", false, 0644, lock_away, -ESTALE, 0},
	{"removed", false, 0644, remove_it, -ESTALE, -ESTALE},
	{"replaced", false, 0644, replace, -ESTALE, -ESTALE},
};

enum { CASES = sizeof(cases) / sizeof(*cases) };

static int fds[CASES], behind[CASES]; /* those of the client, and the test's own */

static int expected(const struct kept_case *c)
{
	if (kind->how.max && !kind->reaches)
		return 0;
	if (kind->nameless)
		return -ESTALE;
	return kind->reaches ? c->other : c->limited;
}

static unsigned check(const struct kept_case *c, int i, unsigned life)
{
	int result = use(fds[i], behind[i], 1000 + life);

	if (result == expected(c))
		return 0;
	printf("%s: %s, life %u: %d instead of %d\n", kind->name, c->name, life, result,
	       expected(c));
	return 1;
}

/* The table: every case, through two kills and a stop. */
static unsigned run_kind(void)
{
	unsigned wrong = 0, nr_open = 0;
	struct process server;
	struct stat st;

	make_export();
	start(&server);
	for (int i = 0; i < CASES; i++)
		fds[i] = open_case(&cases[i], &behind[i]);
	for (int i = 0; i < CASES; i++)
		cases[i].happens(fds[i], cases[i].name);
	for (unsigned life = 1; life <= 3; life++) {
		if (life == 3)
			stop_server(&server);
		else
			kill_server(&server);
		must(nr_managed == (kind->how.max && !kind->reaches ? CASES : 0), "%u are kept",
		     nr_managed);
		start(&server);
		for (int i = 0; i < CASES; i++)
			wrong += check(&cases[i], i, life);
	}
	for (int i = 0; i < CASES; i++) {
		nr_open += !expected(&cases[i]);
		usrbio_close(fds[i]);
		close(behind[i]);
	}
	must(!stat(path_of("export", "replaced"), &st) && st.st_size == 5, "the other file");
	must(logged("a restart does not survive") == (!kind->reaches && !kind->how.max),
	     "what the server says at its start");
	wait_for_none();
	stop_server(&server);
	remove_export();
	printf("RESULT kept server=%s cases=%d open=%u stale=%u wrong=%u\n", kind->name, CASES,
	       nr_open, CASES - nr_open, wrong);
	return wrong;
}

/* A mount namespace, so that no mount outlives this process. A tmpfs has a time of birth. */
static bool may_mount(void)
{
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", kept_base, "tmpfs", 0, NULL) && !chmod(kept_base, 0755);
}

int main(int argc, char **argv)
{
	unsigned wrong = 0;

	manager_main(argc, argv);
	if (geteuid()) {
		puts("needs root");
		return 77;
	}
	alarm(HANG_S);
	must(mkdtemp(kept_base), "%s", kept_base);
	if (!may_mount()) {
		puts("needs to mount");
		rmdir(kept_base);
		return 77;
	}
	manager_start(path_of("notify", ""));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		kind = &kinds[i];
		wrong += run_kind();
	}
	kept_lies();
	must(!umount2(kept_base, MNT_DETACH) && !rmdir(kept_base), "%s", kept_base);
	return wrong ? 1 : 0;
}
