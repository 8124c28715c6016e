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
	"DIRECTORY/3fs-virt/usrbio.conf and makes DIRECTORY/3fs-virt/iovs. Asks the server whether\n"
	"it sees that file, and changes nothing if it does not.\n";
static const char detach_help[] = "usage: usrbio detach DIRECTORY\n\n"
				  "Undo what attach did. Programs that use the mount go on.\n";

static const struct option only_help[] = {{"help", no_argument, NULL, 'h'}, {0}};

/* DIRECTORY/3fs-virt/NAME; false when that is too long. */
static bool virt_path(char path[PATH_MAX], const char *dir, const char *name)
{
	return snprintf(path, PATH_MAX, "%s/3fs-virt/%s", dir, name) < PATH_MAX;
}

static int make_directory(const char *dir, const char *name, mode_t mode)
{
	char path[PATH_MAX];

	if (!virt_path(path, dir, name))
		return -ENAMETOOLONG;
	return mkdir(path, mode) && errno != EEXIST ? -errno : 0;
}

/* Everybody's bindings put links there, as in /tmp. */
static int make_iovs(const char *dir)
{
	char path[PATH_MAX];
	int err = make_directory(dir, "iovs", 01777);

	if (err)
		return err;
	virt_path(path, dir, "iovs");
	return chmod(path, 01777) ? -errno : 0;
}

/* What would end a word there, or begin an escape, is escaped. */
static void write_word(FILE *file, const char *word)
{
	for (; *word; word++) {
		unsigned char c = (unsigned char)*word;

		if (c <= ' ' || c == '\\')
			fprintf(file, "\\%03o", c);
		else
			putc(c, file);
	}
}

static int write_all(int fd, const char *url)
{
	FILE *file = fdopen(fd, "w");
	int err = 0;

	if (!file) {
		err = -errno;
		close(fd);
		return err;
	}
	fputs("# written by usrbio attach\n", file);
	write_word(file, url);
	putc('\n', file);
	if (fflush(file) || fchmod(fd, 0644) || fsync(fd))
		err = -errno;
	fclose(file);
	return err;
}

/* Does the server see this file of 3fs-virt? Then the directory is the export's. */
static int check_view(const char *path, const char *dir, const char *url)
{
	struct endpoint endpoint;
	struct usrbio_stat there;
	struct stat here;
	char name[PATH_MAX];
	int err;

	endpoint_on_mount(url, &endpoint);
	/* In loop:///DIR a '?' ends the directory. */
	snprintf(name, sizeof(name), "%s%s/3fs-virt/%s", endpoint.mount_point,
		 strncmp(url, "loop:", 5) || strchr(endpoint.mount_point, '?') ? "" : "?",
		 strrchr(path, '/') + 1);
	err = usrbio_lstat(name, &there);
	if (err && err != -ENOENT && err != -ENOTDIR)
		return fail(url, err);
	if (err || lstat(path, &here) || there.ino != here.st_ino)
		return fail_text("%s: is not the directory that %s exports", dir, url);
	return EXIT_FINE;
}

/* Whole or not at all: under another name first. Says what fails. */
static int write_conf(const char *dir, const char *url)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	int fd, err, status;

	if (!virt_path(path, dir, "usrbio.conf") || !virt_path(temporary, dir, ".conf.XXXXXX"))
		return fail(dir, -ENAMETOOLONG);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fail(dir, -errno);
	err = write_all(fd, url);
	status = err ? fail(temporary, err) : check_view(temporary, dir, url);
	if (!status) {
		err = make_iovs(dir);
		if (!err && rename(temporary, path))
			err = -errno;
		status = err ? fail(path, err) : EXIT_FINE;
	}
	if (status)
		unlink(temporary);
	return status;
}

/* The name that iovs and rings will carry: the directory's without symbolic links. */
static int check_name(const char *dir)
{
	char canonical[PATH_MAX];

	if (!realpath(dir, canonical))
		return -errno;
	return strlen(canonical) < sizeof(((struct endpoint *)0)->mount_point) ? 0 : -ENAMETOOLONG;
}

static int run_attach(int argc, char **argv)
{
	struct endpoint endpoint;
	char virt[PATH_MAX];
	const char *url, *dir;
	int err, status;

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
	err = check_name(dir);
	if (!err)
		err = make_directory(dir, "", 0755);
	if (err)
		return fail(dir, err);
	status = write_conf(dir, url);
	if (status && virt_path(virt, dir, ""))
		rmdir(virt); /* if nothing else is in it */
	return status;
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
