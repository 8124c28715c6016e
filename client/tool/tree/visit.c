/*
 * Visits a tree at a server, with a stack of levels on the heap; see visit.h. A level keeps the
 * names of directories only, and NAMES_MAX of them at most; a longer listing stays open. The call
 * visit_tree owns all of it; the main thread.
 */
#include "client/tool/tree/visit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/base/tool.h"

#define DIRS_OPEN 64 /* directories that may be open at the same time */
#define NAMES_MAX 4096
#define DEPTH_MAX 4096

/* A directory whose names are being visited. */
struct visit_level {
	struct visit_level *up;
	struct dir *dir;
	void *listing; /* NULL: all of it has been read */
	char **names;  /* of directories in it */
	size_t n, next, room;
};

struct visit {
	const struct visitor *visitor;
	struct dirs dirs;
	int status;
};

static void failed(struct visit *visit, const struct dir *dir, const char *name, int err)
{
	char *path = dir_path(dir, name);

	visit->status = err == -ESTALE
				? fail_text("%s: was replaced by something else meanwhile", path)
				: fail(path, err);
	free(path);
}

static void keep(struct visit_level *level, const char *name)
{
	if (level->n == level->room) {
		level->room = level->room ? 2 * level->room : 16;
		level->names = reallocarray(level->names, level->room, sizeof(*level->names));
	}
	if (level->names)
		level->names[level->n] = strdup(name);
	if (!level->names || !level->names[level->n])
		exit(fail_text("out of memory"));
	level->n++;
}

/* Put a directory on the stack; takes over the reference. Returns the new top. */
static struct visit_level *push(struct visit *visit, struct visit_level *up, struct dir *dir,
				const struct usrbio_stat *st)
{
	struct visit_level *level = calloc(1, sizeof(*level));
	int fd = dir_use(dir), err = fd;

	if (!level)
		exit(fail_text("out of memory"));
	level->up = up;
	level->dir = dir;
	if (visit->visitor->enter)
		visit->visitor->enter(st, dir->depth, visit->visitor->arg);
	if (fd >= 0) {
		err = dir->fs->list_open(fd, &level->listing);
		dir_release(dir);
	}
	if (err < 0)
		failed(visit, dir, NULL, err);
	return level;
}

static struct visit_level *pop(struct visit *visit, struct visit_level *level)
{
	const struct visitor *visitor = visit->visitor;
	struct visit_level *up = level->up;
	char *path;

	if (visitor->leave) {
		path = dir_path(level->dir, NULL);
		visitor->leave(path, level->dir->depth, visitor->arg);
		free(path);
	}
	dir_put(level->dir);
	free(level->names);
	free(level);
	return up;
}

/* Get what the visitor needs to know about a name. 0 or -errno. */
static int look(const struct visit *visit, int dir, const struct usrbio_dirent *entry,
		struct usrbio_stat *st)
{
	*st = (struct usrbio_stat){.mode = DTTOIF(entry->type)};
	if (!visit->visitor->attributes && entry->type != DT_UNKNOWN)
		return 0;
	return fs_mount.fstatat(dir, entry->name, st, AT_SYMLINK_NOFOLLOW);
}

static void see(struct visit *visit, struct visit_level *level, const struct usrbio_dirent *entry)
{
	const struct visitor *visitor = visit->visitor;
	struct visited visited = {
		.dir = dir_use(level->dir), .name = entry->name, .depth = level->dir->depth + 1};
	int err = visited.dir;
	char *path;

	if (err >= 0)
		err = look(visit, visited.dir, entry, &visited.st);
	if (!err) {
		path = dir_path(level->dir, entry->name);
		visited.path = path;
		visit->status |= visitor->visit(&visited, visitor->arg);
		free(path);
		if (S_ISDIR(visited.st.mode) && visited.depth < visitor->max_depth)
			keep(level, entry->name);
	} else {
		failed(visit, level->dir, entry->name, err);
	}
	if (visited.dir >= 0)
		dir_release(level->dir);
}

/* Visit the next names of a directory. */
static void read_on(struct visit *visit, struct visit_level *level)
{
	const struct fs *fs = level->dir->fs;
	struct usrbio_dirent entry;
	int more = 1;

	level->n = level->next = 0;
	while (level->n < NAMES_MAX && (more = fs->list_next(level->listing, &entry)) > 0)
		see(visit, level, &entry);
	if (more > 0)
		return;
	if (more < 0)
		failed(visit, level->dir, NULL, more);
	fs->list_close(level->listing);
	level->listing = NULL;
}

/* Open the directory `name` in a level, and put it on the stack. Returns the new top. */
static struct visit_level *enter(struct visit *visit, struct visit_level *level, const char *name)
{
	const struct fs *fs = level->dir->fs;
	int at = dir_use(level->dir), fd = at, err;
	struct usrbio_stat st;
	struct usrbio_id id;

	if (at >= 0) {
		fd = fs->openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		dir_release(level->dir);
	}
	err = fd < 0 ? fd : fs->fstat(fd, &st);
	if (!err && level->dir->depth >= DEPTH_MAX)
		err = -ENAMETOOLONG;
	if (err) {
		failed(visit, level->dir, name, err);
		if (fd >= 0)
			fs->close(fd);
		return level;
	}
	id = id_of(&st);
	return push(visit, level, dir_child(level->dir, name, fd, &id), &st);
}

static void visit_below(struct visit *visit, struct dir *top, const struct usrbio_stat *st)
{
	struct visit_level *level = push(visit, NULL, top, st);

	while (level) {
		if (level->next < level->n) {
			char *name = level->names[level->next++];
			struct visit_level *inside = enter(visit, level, name);

			free(name);
			level = inside;
		} else if (level->listing) {
			read_on(visit, level);
		} else {
			level = pop(visit, level);
		}
	}
}

int visit_tree(const struct visitor *visitor, const char *path)
{
	struct visited top = {.dir = -1, .name = path, .path = path};
	struct visit visit = {.visitor = visitor, .status = EXIT_FINE};
	int err = usrbio_lstat(path, &top.st), fd;
	struct usrbio_id id;

	if (err)
		return fail(path, err);
	visit.status |= visitor->visit(&top, visitor->arg);
	if (!S_ISDIR(top.st.mode) || !visitor->max_depth)
		return visit.status;
	fd = fs_mount.open(path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fail(path, fd);
	id = id_of(&top.st);
	dirs_init(&visit.dirs, DIRS_OPEN);
	visit_below(&visit, dir_top(&visit.dirs, &fs_mount, path, fd, &id), &top.st);
	dirs_destroy(&visit.dirs);
	return visit.status;
}
