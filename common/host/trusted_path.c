/*
 * The walk of a path from directory to directory, which checks the owner of each symbolic link.
 * Each call owns its walk, so any thread may call it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/trusted.h"

#define LINKS_MAX 40 /* symbolic links in one walk; the kernel's limit, too */

struct walk {
	int dir;
	char done[PATH_MAX]; /* the path of dir, canonical; "" for the root */
	char rest[PATH_MAX]; /* the part that has not been walked yet */
	unsigned nr_links;
	char *reason;
};

/* Continue from an O_PATH descriptor, which the walk owns from now on. */
static void move_to(struct walk *walk, int dir)
{
	if (walk->dir >= 0)
		close(walk->dir);
	walk->dir = dir;
}

static int start(struct walk *walk, const char *from)
{
	int fd = open(from, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	move_to(walk, fd);
	walk->done[0] = '\0';
	if (*from == '/')
		return 0;
	if (!getcwd(walk->done, sizeof(walk->done)))
		return -errno;
	if (!walk->done[1])
		walk->done[0] = '\0';
	return 0;
}

/* Get the next component. False: there is none, or *err is set. */
static bool next(struct walk *walk, char name[NAME_MAX + 1], int *err)
{
	char *at = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(at, "/");

	*err = len > NAME_MAX ? -ENAMETOOLONG : 0;
	if (!len || *err)
		return false;
	memcpy(name, at, len);
	name[len] = '\0';
	memmove(walk->rest, at + len, strlen(at + len) + 1);
	return true;
}

static int up(struct walk *walk)
{
	int fd = openat(walk->dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *slash = strrchr(walk->done, '/');

	if (fd < 0)
		return -errno;
	move_to(walk, fd);
	if (slash)
		*slash = '\0';
	return 0;
}

/* Append a component to a canonical path. */
static int append(char path[PATH_MAX], const char *name)
{
	size_t len = strlen(path), more = strlen(name);

	if (len + 1 + more >= PATH_MAX)
		return -ENAMETOOLONG;
	path[len] = '/';
	memcpy(path + len + 1, name, more + 1);
	return 0;
}

/* Put the target of a link in front of the rest. */
static int follow(struct walk *walk, int link, uid_t owner)
{
	char text[PATH_MAX];
	ssize_t len = readlinkat(link, "", text, sizeof(text));

	if (len < 0)
		return -errno;
	if (!trusted_uid(owner)) {
		snprintf(walk->reason, TRUSTED_REASON_MAX,
			 "a symbolic link on the way belongs to user %u", owner);
		return -ELOOP;
	}
	if (++walk->nr_links > LINKS_MAX)
		return -ELOOP;
	if ((size_t)len + 1 + strlen(walk->rest) >= sizeof(text))
		return -ENAMETOOLONG;
	text[len] = '/';
	strcpy(text + len + 1, walk->rest);
	strcpy(walk->rest, text);
	return *text == '/' ? start(walk, "/") : 0;
}

/*
 * Walk one component. Returns 0 or -errno, and 1 if it is the last component and neither a
 * directory nor a link.
 */
static int step(struct walk *walk, const char *name)
{
	struct stat st;
	int fd, err;

	if (!strcmp(name, "."))
		return 0;
	if (!strcmp(name, ".."))
		return up(walk);
	fd = openat(walk->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fstat(fd, &st) ? -errno : 0;
	if (!err && S_ISLNK(st.st_mode))
		err = follow(walk, fd, st.st_uid);
	else if (!err && S_ISDIR(st.st_mode))
		err = append(walk->done, name);
	else if (!err)
		err = walk->rest[strspn(walk->rest, "/")] ? -ENOTDIR : 1;
	if (!err && S_ISDIR(st.st_mode))
		move_to(walk, fd);
	else
		close(fd);
	return err;
}

static int walk_all(struct walk *walk, char name[NAME_MAX + 1])
{
	int err = 0;

	while (!err && next(walk, name, &err))
		err = step(walk, name);
	if (!err)
		strcpy(name, ".");
	return err;
}

/* Give the result to the caller. */
static int finish(struct walk *walk, int err, struct trusted_place *place)
{
	strcpy(place->path, walk->done);
	if (err == 1)
		err = append(place->path, place->name);
	if (!*place->path)
		strcpy(place->path, "/");
	if (err)
		close(walk->dir);
	else
		place->dir = walk->dir;
	return err;
}

int trusted_walk(const char *path, struct trusted_place *place, char reason[TRUSTED_REASON_MAX])
{
	struct walk walk = {.dir = -1, .reason = reason};
	int err;

	*reason = '\0';
	if (!*path)
		return -ENOENT;
	if (strlen(path) >= sizeof(walk.rest))
		return -ENAMETOOLONG;
	strcpy(walk.rest, path);
	err = start(&walk, *path == '/' ? "/" : ".");
	if (!err)
		err = walk_all(&walk, place->name);
	if (err < 0) {
		if (walk.dir >= 0)
			close(walk.dir);
		return err;
	}
	return finish(&walk, err, place);
}
