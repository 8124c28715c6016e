/* usrbio attach and detach: make a directory a mount, by 3fs-virt/usrbio.conf in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <usrbio.h>

#include "client/tool/fs.h"
#include "client/tool/tool.h"

static const char attach_help[] =
	"usage: usrbio attach URL DIRECTORY\n\n"
	"Make DIRECTORY, a view of the export at URL (the export itself, or an NFS mount of it), a\n"
	"mount: programs may then name it as mount point and register the files below it. Writes\n"
	"DIRECTORY/3fs-virt/usrbio.conf and makes DIRECTORY/3fs-virt/iovs. Does not connect.\n";
static const char detach_help[] = "usage: usrbio detach DIRECTORY\n\n"
				  "Undo what attach did. Programs that use the mount go on.\n";

static const struct option only_help[] = {{"help", no_argument, NULL, 'h'}, {0}};

/* DIRECTORY/3fs-virt/NAME; false when that is too long. */
static bool virt_path(char path[PATH_MAX], const char *dir, const char *name)
{
	return snprintf(path, PATH_MAX, "%s/3fs-virt/%s", dir, name) < PATH_MAX;
}

/* Everybody's bindings put links there, as in /tmp. */
static int make_directories(const char *dir)
{
	char path[PATH_MAX];

	if (!virt_path(path, dir, ""))
		return -ENAMETOOLONG;
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	if (!virt_path(path, dir, "iovs"))
		return -ENAMETOOLONG;
	if (mkdir(path, 01777) && errno != EEXIST)
		return -errno;
	return chmod(path, 01777) ? -errno : 0;
}

static int write_all(int fd, const char *url)
{
	int n = dprintf(fd, "# written by usrbio attach\n%s\n", url);

	return n < 0 || fchmod(fd, 0644) || fsync(fd) ? -errno : 0;
}

/* Whole or not at all: under another name first. */
static int write_conf(const char *dir, const char *url)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	int fd, err;

	if (!virt_path(path, dir, "usrbio.conf") || !virt_path(temporary, dir, ".conf.XXXXXX"))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write_all(fd, url);
	close(fd);
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		unlink(temporary);
	return err;
}

static int run_attach(int argc, char **argv)
{
	struct endpoint endpoint;
	const char *url, *dir;
	int err;

	next_option(argc, argv, "h", only_help);
	if (argc - optind != 2)
		return usage("a URL and a directory are needed");
	url = argv[optind];
	dir = argv[optind + 1];
	if (!strstr(url, "://"))
		return usage("%s is no URL", url);
	if (!endpoint_on_mount(url, &endpoint))
		return EXIT_FAILED;
	if (*endpoint.rest)
		return fail_text("%s: a path behind the export cannot be attached", url);
	err = make_directories(dir);
	if (!err)
		err = write_conf(dir, url);
	return err ? fail(dir, err) : EXIT_FINE;
}

/* Links that bindings left behind; anything else stays, and the directory with it. */
static void remove_links(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct stat st;

		if (!fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISLNK(st.st_mode))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

static int run_detach(int argc, char **argv)
{
	char path[PATH_MAX];
	const char *dir;

	next_option(argc, argv, "h", only_help);
	if (argc - optind != 1)
		return usage("a directory is needed");
	dir = argv[optind];
	if (!virt_path(path, dir, "usrbio.conf"))
		return fail(dir, -ENAMETOOLONG);
	if (unlink(path))
		return errno == ENOENT ? fail_text("%s: is not attached", dir) : fail(path, -errno);
	virt_path(path, dir, "iovs");
	remove_links(path);
	if (rmdir(path) && errno != ENOENT)
		return fail(path, -errno);
	virt_path(path, dir, "");
	return rmdir(path) ? fail(path, -errno) : EXIT_FINE;
}

const struct command cmd_attach = {"attach", "make a directory a mount", attach_help, run_attach};
const struct command cmd_detach = {"detach", "undo attach", detach_help, run_detach};
