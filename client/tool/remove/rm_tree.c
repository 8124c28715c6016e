/*
 * Removes a tree, with a stack of levels on the heap, one for each directory on the way down: the
 * tree may be deep. Up to NAMES_MAX names of a directory are read, the listing is closed, and then
 * they are removed, because a listing may miss names if others are removed meanwhile. The directory
 * is listed again, until it has no names but those that could not be removed. The call rm_tree owns
 * all of it; the caller's thread.
 */
#include "client/tool/remove/rm_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/ledger/idset.h"
#include "client/tool/base/tool.h"

#define NAMES_MAX 4096
#define DEPTH_MAX 4096

/* A name that is to be removed. */
struct rm_entry {
	char *name;
	bool directory; /* the listing says that it is one, which may have changed */
};

/* A directory whose contents are being removed. */
struct rm_level {
	struct rm_level *up;
	struct dir *dir;
	struct rm_entry *names;
	size_t n, next, room; /* next: the first name that is not removed yet */
	bool complete;	      /* the directory has no other names */
	struct idset failed;  /* names that could not be removed */
	struct idset gone;    /* names that did not exist any more, but may still be listed */
};

struct removal {
	bool force; /* names that do not exist are no error */
	int status; /* the exit status so far */
};

static struct idkey key_of(const char *name)
{
	return idset_key_of(name, strlen(name), 0, 0);
}

/* Report an error of a name in `dir`, or of `dir` itself if name is NULL. */
static void say(struct removal *removal, const struct dir *dir, const char *name, int err)
{
	char *path = dir_path(dir, name);

	removal->status = err == -ESTALE
				  ? fail_text("%s: was replaced by something else meanwhile", path)
				  : fail(path, err);
	free(path);
}

/* Report that a name cannot be removed, and remember it, so that it is not tried again. */
static void failed(struct removal *removal, struct rm_level *level, const char *name, int err)
{
	if (err == -ENOENT && removal->force) {
		idset_add(&level->gone, key_of(name));
		return;
	}
	idset_add(&level->failed, key_of(name));
	say(removal, level->dir, name, err);
}

/* Add a listed name to those that will be removed, unless it was tried before. */
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
			(struct rm_entry){strdup(entry->name), entry->type == DT_DIR};
	if (!level->names || !level->names[level->n].name)
		exit(fail_text("out of memory"));
	level->n++;
}

/* Read the next names, at most NAMES_MAX. 0 or -errno. */
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

/* Read the next names of a level; report why that fails. False: there are none. */
static bool gather(struct removal *removal, struct rm_level *level)
{
	int err;

	if (level->complete)
		return false;
	level->n = level->next = 0;
	err = list(level);
	if (err) {
		say(removal, level->dir, NULL, err);
		/* The directory may have more names, so it must not be removed: no file is "". */
		idset_add(&level->failed, key_of(""));
	}
	return level->n;
}

/* Put a directory on the stack; takes over the reference. Returns the new top. */
static struct rm_level *push(struct rm_level *up, struct dir *dir)
{
	struct rm_level *level = calloc(1, sizeof(*level));

	if (!level)
		exit(fail_text("out of memory"));
	level->up = up;
	level->dir = dir;
	return level;
}

/* Open the directory `name` in `parent`; a link is not followed. 0 or -errno. */
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

/* Remove a name, or put it on the stack if it is a directory. Returns the top of the stack. */
static struct rm_level *take(struct removal *removal, struct rm_level *level,
			     const struct rm_entry *entry)
{
	struct dir *dir;
	int err = entry->directory ? -EISDIR : unlink_below(level->dir, entry->name, 0), inside;

	if (err == -EISDIR || err == -EPERM) { /* POSIX allows either error for a directory */
		inside = open_below(level->dir, entry->name, &dir);
		if (!inside)
			return push(level, dir);
		if (inside != -ENOTDIR && inside != -ELOOP)
			err = inside;
		else if (entry->directory) /* something else has replaced the directory */
			err = unlink_below(level->dir, entry->name, 0);
	}
	if (err)
		failed(removal, level, entry->name, err);
	return level;
}

/*
 * Take the top off the stack, and remove its directory unless something in it could not be removed.
 * Returns the new top, or NULL.
 */
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
			struct rm_entry entry = level->names[level->next++];
			struct rm_level *top = take(&removal, level, &entry);

			free(entry.name);
			level = top;
		} else if (!gather(&removal, level)) {
			level = pop(&removal, level);
		}
	}
	return removal.status;
}
