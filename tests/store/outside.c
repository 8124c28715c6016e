/* The surroundings of an export, for the tests of escapes. The main thread only. */
#include "tests/store/outside.h"

#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store/escapes.h"

#define NOBODY 65534

static char outside[96];
static char *snapshot;

static int add_to_snapshot(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char *longer;

	cr_assert_gt(asprintf(&longer, "%s%s %lo %lu %ld %ld.%ld\n", snapshot ? snapshot : "", path,
			      (unsigned long)st->st_mode, (unsigned long)st->st_nlink,
			      (long)st->st_size, (long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec),
		     0);
	free(snapshot);
	snapshot = longer;
	return 0;
}

char *outside_snapshot(void)
{
	char *taken;

	cr_assert_eq(nftw(outside, add_to_snapshot, 16, FTW_PHYS), 0);
	taken = snapshot;
	snapshot = NULL;
	return taken;
}

void outside_write_file(const char *dir, const char *name)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	cr_assert(file);
	fputs("secret", file);
	fclose(file);
}

/* Where root runs the test, and may. Only this process sees it, and what it opens from then on. */
static void mount_some(struct fixture *fixture, const char *where)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return;
	cr_assert_eq(mount("none", where, "tmpfs", 0, NULL), 0);
	fixture_reopen(fixture, 0);
}

/*
 * A case here removes whatever it reaches. So that a broken store does not cost somebody the
 * machine, the case runs as a user who owns the files of the fixture and nothing else. The files
 * stay with that user.
 */
static int give_away(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return lchown(path, NOBODY, NOBODY);
}

static void drop_root(struct fixture *fixture)
{
	if (!geteuid()) {
		cr_assert_eq(nftw(fixture->base, give_away, 16, FTW_PHYS), 0);
		cr_assert_eq(setgroups(0, NULL) | setegid(NOBODY) | seteuid(NOBODY), 0);
	}
	cr_assert_lt(open("/etc/passwd", O_WRONLY), 0);
}

void outside_leave(struct fixture *fixture)
{
	char path[200];

	cr_assert_eq(chdir("/"), 0);
	if (getuid())
		return;
	cr_assert_eq(seteuid(0) | setegid(0), 0);
	snprintf(path, sizeof(path), "%s/mount", fixture->dir);
	umount(path);
}

void outside_prepare(struct fixture *fixture)
{
	char path[200];

	snprintf(outside, sizeof(outside), "%s/outside", fixture->base);
	snprintf(path, sizeof(path), "%s/sub", outside);
	cr_assert_eq(mkdir(outside, 0777), 0);
	cr_assert_eq(mkdir(path, 0777), 0);
	outside_write_file(outside, "secret");
	outside_write_file(path, "file");
	cr_assert_eq(chdir(outside), 0);
	cr_assert_eq(chdir(fixture->dir), 0);
	cr_assert_eq(mkdir("dir", 0777), 0);
	cr_assert_eq(mkdir("dir/deeper", 0777), 0);
	outside_write_file(fixture->dir, "file");
	cr_assert_eq(mkdir("mount", 0777), 0);
	mount_some(fixture, "mount");
	cr_assert_eq(mkdir("mount/dir", 0777), 0);
	for (size_t i = 0; i < nr_escape_links; i++)
		cr_assert_eq(symlink(escape_links[i].target, escape_links[i].name), 0, "%s",
			     escape_links[i].name);
	cr_assert_eq(symlink(fixture->dir, "back"), 0);
	/* Where /proc/self/cwd leads. */
	cr_assert_eq(chdir(outside), 0);
	drop_root(fixture);
}
