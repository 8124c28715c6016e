/*
 * Removing a tree, with a stack of our own. Of each directory on it up to NAMES_MAX names are
 * gathered, and removed when the listing is closed: removing while listing could make the listing
 * miss some. Then it is listed again, until nothing shows but what could not be removed.
 */
#include "client/tool/tree/rm_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/ledger/idset.h"
#include "client/tool/base/tool.h"

#define NAMES_MAX 4096
#define DEPTH_MAX 4096

struct doomed {
	char *name;
	bool directory; /* as the listing says */
};

struct rm_level {
	struct rm_level *up;
	struct dir *dir;
	struct doomed *names;
	size_t n, next, room;
	bool complete;	     /* these are all */
	struct idset failed; /* names that could not be removed */
	struct idset gone;   /* that somebody else removed, though they may still be listed */
};

struct removal {
	bool force;
	int status;
};

static struct idkey key_of(const char *name)
{
	return idset_key_of(name, strlen(name), 0, 0);
}

static void say(struct removal *removal, const struct dir *dir, const char *name, int err)
{
	char *path = dir_path(dir, name);

	removal->status = err == -ESTALE
				  ? fail_text("%s: was replaced by something else meanwhile", path)
				  : fail(path, err);
	free(path);
}

/* Said once, and not tried again. */
static void failed(struct removal *removal, struct rm_level *level, const char *name, int err)
{
	if (err == -ENOENT && removal->force) {
		idset_add(&level->gone, key_of(name));
		return;
	}
	idset_add(&level->failed, key_of(name));
	say(removal, level->dir, name, err);
}

static void keep(struct rm_level *level, const struct usrbio_dirent *entry)
{
	struct idkey key = key_of(entry->name);

	if (idset_has(&level->failed, key) || idset_has(&level->gone, key))
		return;
	if (level->n == level->room) {
		level->room = level->room ? 2 * level->room : 16;
		level->names = reallocarray(level->names, level->room, sizeof(*level->names));
	}
	if (level->names)
		level->names[level->n] =
			(struct doomed){strdup(entry->name), entry->type == DT_DIR};
	if (!level->names || !level->names[level->n].name)
		exit(fail_text("out of memory"));
	level->n++;
}

static int list(struct rm_level *level)
{
	const struct fs *fs = level->dir->fs;
	int fd = dir_use(level->dir), err;
	struct usrbio_dirent entry;
	void *listing;

	if (fd < 0)
		return fd;
	err = fs->list_open(fd, &listing);
	dir_release(level->dir);
	if (err)
		return err;
	while (level->n < NAMES_MAX && (err = fs->list_next(listing, &entry)) > 0)
		keep(level, &entry);
	fs->list_close(listing);
	level->complete = err <= 0;
	return err < 0 ? err : 0;
}

/* Gather the next names. False: there are none. */
static bool gather(struct removal *removal, struct rm_level *level)
{
	int err;

	if (level->complete)
		return false;
	level->n = level->next = 0;
	err = list(level);
	if (err) {
		say(removal, level->dir, NULL, err);
		idset_add(&level->failed, key_of("")); /* what is left is not known */
	}
	return level->n;
}

static struct rm_level *push(struct rm_level *up, struct dir *dir)
{
	struct rm_level *level = calloc(1, sizeof(*level));

	if (!level)
		exit(fail_text("out of memory"));
	level->up = up;
	level->dir = dir;
	return level;
}

static int open_below(struct dir *parent, const char *name, struct dir **dir)
{
	const struct fs *fs = parent->fs;
	struct usrbio_stat st;
	struct usrbio_id id;
	int at = dir_use(parent), fd, err;

	if (at < 0)
		return at;
	fd = fs->openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	dir_release(parent);
	if (fd < 0)
		return fd;
	err = parent->depth < DEPTH_MAX ? fs->fstat(fd, &st) : -ENAMETOOLONG;
	if (err) {
		fs->close(fd);
		return err;
	}
	id = id_of(&st);
	*dir = dir_child(parent, name, fd, &id);
	return 0;
}

static int unlink_below(struct dir *parent, const char *name, int flags)
{
	int at = dir_use(parent), err;

	if (at < 0)
		return at;
	err = parent->fs->unlinkat(at, name, flags);
	dir_release(parent);
	return err;
}

/* Remove a name, or put a directory on the stack. Returns the top of it. */
static struct rm_level *take(struct removal *removal, struct rm_level *level,
			     const struct doomed *doomed)
{
	struct dir *dir;
	int err = doomed->directory ? -EISDIR : unlink_below(level->dir, doomed->name, 0), inside;

	if (err == -EISDIR || err == -EPERM) { /* POSIX lets a directory be either */
		inside = open_below(level->dir, doomed->name, &dir);
		if (!inside)
			return push(level, dir);
		if (inside != -ENOTDIR && inside != -ELOOP)
			err = inside;
		else if (doomed->directory) /* it is none any more */
			err = unlink_below(level->dir, doomed->name, 0);
	}
	if (err)
		failed(removal, level, doomed->name, err);
	return level;
}

/* A directory is done: it goes, unless something in it had to stay. */
static struct rm_level *pop(struct removal *removal, struct rm_level *level)
{
	struct rm_level *up = level->up;
	struct dir *parent = level->dir->parent;
	bool empty = !level->failed.n;
	int err = empty ? unlink_below(parent, level->dir->name, AT_REMOVEDIR) : 0;

	if (err && up)
		failed(removal, up, level->dir->name, err);
	else if (err && !(err == -ENOENT && removal->force))
		say(removal, level->dir, NULL, err);
	else if (!empty && up)
		idset_add(&up->failed, key_of(level->dir->name));
	idset_free(&level->failed);
	idset_free(&level->gone);
	dir_put(level->dir);
	free(level->names);
	free(level);
	return up;
}

int rm_tree(struct dir *parent, const char *name, bool force)
{
	struct removal removal = {.force = force, .status = EXIT_FINE};
	struct rm_level *level;
	struct dir *dir;
	int err = open_below(parent, name, &dir);

	if (err) {
		if (err == -ENOENT && force)
			return EXIT_FINE;
		say(&removal, parent, name, err);
		return removal.status;
	}
	level = push(NULL, dir);
	while (level) {
		if (level->next < level->n) {
			struct doomed doomed = level->names[level->next++];
			struct rm_level *top = take(&removal, level, &doomed);

			free(doomed.name);
			level = top;
		} else if (!gather(&removal, level)) {
			level = pop(&removal, level);
		}
	}
	return removal.status;
}
