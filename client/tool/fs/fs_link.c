/*
 * Follows a symbolic link in a local source tree, without trusting the user who made it: a copy by
 * root must not follow a user's link to files that this user cannot read. The link is pinned by a
 * descriptor before its owner is checked, so that nobody can replace it in between. Its target is
 * opened with O_PATH first, because opening a device for reading can have effects. No state; any
 * thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tool/fs/fs.h"

/* Read the text of a link, with a final zero, and the link's owner. -ENOLINK: it is no link. */
static int read_link(int dir, const char *name, char text[PATH_MAX], uid_t *owner)
{
	int link = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct stat st;
	ssize_t n;

	if (link < 0)
		return -errno;
	n = readlinkat(link, "", text, PATH_MAX - 1);
	if (n < 0 || fstat(link, &st))
		err = -errno;
	close(link);
	if (err)
		return err == -EINVAL ? -ENOLINK : err; /* another object has replaced the link */
	text[n] = '\0';
	*owner = st.st_uid;
	return 0;
}

/* Check the target `st` of a link that belongs to `owner`. 0 or an error of fs.follow. */
static int judge(const struct stat *st, uid_t owner)
{
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return -EINVAL;
	return owner == geteuid() || owner == st->st_uid ? 0 : FS_NOT_FOLLOWED;
}

/* Open for reading the file that the descriptor `path` pins. A descriptor or -errno. */
static int open_pinned(int path, int dir, const char *text, const struct stat *st)
{
	char name[64];
	struct stat now;
	int fd;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", path);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	/* There is no procfs: open the file by its name, and check that it is the same one. */
	fd = openat(dir, text, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &now) && now.st_dev == st->st_dev && now.st_ino == st->st_ino)
		return fd;
	close(fd);
	return -ESTALE;
}

int fs_follow_link(int dir, const char *name)
{
	char text[PATH_MAX];
	struct stat st;
	uid_t owner = 0;
	int path, fd, err;

	if (!fs_is_component(name))
		return -EINVAL;
	err = read_link(dir, name, text, &owner);
	if (err)
		return err;
	path = openat(dir, text, O_PATH | O_CLOEXEC);
	if (path < 0)
		return -errno;
	err = fstat(path, &st) ? -errno : judge(&st, owner);
	fd = err ? err : open_pinned(path, dir, text, &st);
	close(path);
	return fd;
}
