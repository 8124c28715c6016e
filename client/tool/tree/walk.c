/*
 * Walks over a source tree with a stack on the heap; see walk.h. A level keeps NAMES_MAX names at
 * most; a longer listing stays open. The walker owns it: the main thread.
 */
#include "client/tool/tree/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/base/tool.h"
#include "client/tool/tree/extras.h"
#include "client/tool/tree/walk_target.h"

#define NAMES_MAX 4096
#define DEPTH_MAX 4096

/* A name in a level that is a directory, or a link that may lead to one. */
struct below {
	char *name;
	bool link;
};

/* A source directory that is being read, and its target. */
struct walk_level {
	struct walk_level *up;
	struct dir *from, *to;
	void *listing; /* NULL: all of it has been read, or it could not be opened */
	struct below *names;
	size_t n, next, room; /* next: the first name that has not been entered */
	bool broken;	      /* some names of the source are not known */
	struct idset seen;    /* names of the source; only if others are removed from the target */
	bool marked;	      /* the mark of the target is in it: it is the target */
};

static void failed(struct copy *copy, const struct dir *from, const char *from_name,
		   const struct dir *to, const char *to_name, enum side side, int err)
{
	char *a = dir_path(from, from_name), *b = dir_path(to, to_name);

	complain(a, b, side, err);
	run_count_failure(copy->run);
	free(a);
	free(b);
}

static void failed_source(struct copy *copy, const struct dir *dir, const char *name, int err)
{
	failed(copy, dir, name, dir, name, FROM, err);
}

void walk_add_file(struct copy *copy, struct copy_file *file)
{
	int err = ledger_claim(&copy->run->ledger, &file->to_dir->id, file->to, CLAIM_FILE);

	if (!err) {
		copy_add(copy, file);
		return;
	}
	copy_file_failed(copy, file, TO, err == -EISDIR ? ERR_IS_DIRECTORY : ERR_JUST_MADE);
	run_count_failure(copy->run);
	copy_file_free(file);
}

/* Check that a source directory is in no loop and was not written by this run. 0 or an error. */
static int check_source(struct copy *copy, const struct dir *from)
{
	if (from->depth > DEPTH_MAX)
		return -ENAMETOOLONG;
	for (const struct dir *up = from->parent; up; up = up->parent) {
		if (id_equal(&up->id, &from->id))
			return ERR_LOOP;
	}
	return ledger_has_dir(&copy->run->ledger, &from->id) ? ERR_INTO_ITSELF : 0;
}

static int open_source(struct copy *copy, struct dir *parent, const struct below *below,
		       struct usrbio_stat *st)
{
	const struct fs *fs = parent->fs;
	int dir, fd;

	do {
		dir = fd = dir_use(parent);
		if (dir < 0)
			continue;
		fd = below->link
			     ? fs->follow(dir, below->name)
			     : fs->openat(dir, below->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		dir_release(parent);
	} while (fd < 0 && walk_want_descriptors(copy, fd));
	if (fd >= 0) {
		int err = fs->fstat(fd, st);

		if (err) {
			fs->close(fd);
			return err;
		}
	}
	return fd;
}

static int start_listing(struct copy *copy, struct walk_level *level)
{
	int dir, err;

	do {
		dir = err = dir_use(level->from);
		if (dir < 0)
			continue;
		err = level->from->fs->list_open(dir, &level->listing);
		dir_release(level->from);
	} while (err < 0 && walk_want_descriptors(copy, err));
	if (err >= 0)
		copy->shrinks = 0;
	return err < 0 ? err : 0;
}

/* Put a directory on the stack; takes over both references. Returns the new top. */
static struct walk_level *push(struct copy *copy, struct walk_level *up, struct dir *from,
			       struct dir *to)
{
	struct walk_level *level = calloc(1, sizeof(*level));
	int err;

	if (!level)
		exit(fail_text("out of memory"));
	*level = (struct walk_level){.up = up, .from = from, .to = to};
	err = start_listing(copy, level);
	if (err) {
		failed_source(copy, from, NULL, err);
		level->broken = true;
	}
	return level;
}

static struct walk_level *pop(struct copy *copy, struct walk_level *level)
{
	struct walk_level *up = level->up;

	if (copy->config.remove && !level->broken && !copy->run->stopped && !level->to->made)
		extras_find(copy, level->to, level->from, &level->seen);
	idset_free(&level->seen);

	if (level->listing)
		level->from->fs->list_close(level->listing);
	while (level->next < level->n)
		free(level->names[level->next++].name);
	free(level->names);
	dir_put(level->from);
	dir_put(level->to);
	free(level);
	return up;
}

static void keep_name(struct walk_level *level, const char *name, bool link)
{
	if (level->n == level->room) {
		level->room = level->room ? 2 * level->room : 16;
		level->names = reallocarray(level->names, level->room, sizeof(*level->names));
	}
	if (level->names)
		level->names[level->n] = (struct below){strdup(name), link};
	if (!level->names || !level->names[level->n].name)
		exit(fail_text("out of memory"));
	level->n++;
}

/* Find the type of a name, because file systems may leave it out of an entry. */
static unsigned char type_of(const struct walk_level *level, const char *name)
{
	int dir = dir_use(level->from), err = dir;
	struct usrbio_stat st;

	if (dir >= 0) {
		err = level->from->fs->fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
		dir_release(level->from);
	}
	return err < 0 ? DT_REG : IFTODT(st.mode); /* opening it as a file reports the error */
}

static void add_file(struct copy *copy, const struct walk_level *level, const char *name,
		     enum copy_kind kind, bool by_link)
{
	struct copy_file *file = copy_file_new(level->from, name, level->to, name);

	file->kind = kind;

	file->by_link = by_link;
	walk_add_file(copy, file);
}

static void visit(struct copy *copy, struct walk_level *level, const struct usrbio_dirent *entry)
{
	unsigned char type = entry->type;

	if (copy->mark.to && !strcmp(entry->name, copy->mark.name)) {
		level->marked = true;
		return;
	}
	if (type == DT_UNKNOWN)
		type = type_of(level, entry->name);
	if (extras_excluded(copy, level->from, entry->name, type == DT_DIR))
		return;
	if (copy->config.remove)
		idset_add(&level->seen, extras_key(copy, entry->name));
	if (type == DT_REG)
		add_file(copy, level, entry->name, KIND_FILE, false);
	else if (type == DT_LNK && copy->config.links)
		add_file(copy, level, entry->name, KIND_LINK, false);
	else if (type == DT_DIR || type == DT_LNK)
		keep_name(level, entry->name, type == DT_LNK);
	else if (copy->config.mirror)
		atomic_fetch_add(&copy->run->totals.special, 1);
	else
		failed_source(copy, level->from, entry->name, ERR_NOT_A_FILE);
}

/* Add the next files of a directory to the copy, and keep the names of directories and links. */
static void read_on(struct copy *copy, struct walk_level *level)
{
	struct usrbio_dirent entry;
	int more = 1;

	level->n = level->next = 0;
	while (level->n < NAMES_MAX && !copy->run->stopped &&
	       (more = level->from->fs->list_next(level->listing, &entry)) > 0)
		visit(copy, level, &entry);
	if (more > 0)
		return;
	if (more < 0) {
		failed_source(copy, level->from, NULL, more);
		level->broken = true;
	}
	level->from->fs->list_close(level->listing);
	level->listing = NULL;
}

/* In a level that is marked: true if `name` is what this walk writes. */
static bool is_target(const struct copy *copy, const char *name)
{
	return !copy->top_name || !strcmp(name, copy->top_name);
}

/* Enter a directory, or what a link leads to. Returns the new top of the stack. */
static struct walk_level *enter(struct copy *copy, struct walk_level *level,
				const struct below *below)
{
	struct dir *from, *to = NULL;
	struct usrbio_stat st;
	struct usrbio_id id;
	int fd = open_source(copy, level->from, below, &st), err;

	if (fd < 0) {
		failed_source(copy, level->from, below->name, fd);
		return level;
	}
	if (!S_ISDIR(st.mode)) {
		level->from->fs->close(fd);
		add_file(copy, level, below->name, KIND_FILE, true);
		return level;
	}
	id = id_of(&st);
	from = dir_child(level->from, below->name, fd, &id);
	from->by_link = below->link;
	err = level->marked && is_target(copy, below->name) ? ERR_INTO_ITSELF
							    : check_source(copy, from);
	if (!err)
		err = walk_enter_target(copy, level->to, below->name, &st, &to);
	if (!err && id_equal(&from->id, &to->id))
		err = ERR_SAME_FILE;
	if (!err)
		return push(copy, level, from, to);
	failed(copy, from, NULL, level->to, below->name, err == ERR_LOOP ? FROM : TO, err);
	dir_put(from);
	dir_put(to);
	return level;
}

void walk_tree(struct copy *copy, struct dir *from, const struct usrbio_stat *st, struct dir *to,
	       const char *name)
{
	struct dir *target = NULL;
	struct walk_level *level = NULL;
	int err = check_source(copy, from);

	if (!err)
		err = name ? walk_enter_target(copy, to, name, st, &target) : 0;
	if (!err && id_equal(&from->id, &(name ? target : to)->id))
		err = ERR_SAME_FILE;
	if (err) {
		failed(copy, from, NULL, to, name, TO, err);
		dir_put(target);
		return;
	}
	copy->top_name = name;
	if (!name)
		walk_adopt_attributes(copy, to, st);
	if (!id_comparable(&from->id, &to->id))
		mark_make(&copy->mark, to);
	level = push(copy, NULL, dir_get(from), name ? target : dir_get(to));
	while (level && !copy->run->stopped) {
		if (level->next < level->n) {
			struct below *below = &level->names[level->next++];
			struct walk_level *inside = enter(copy, level, below);

			free(below->name);
			level = inside;
		} else if (level->listing) {
			read_on(copy, level);
		} else {
			level = pop(copy, level);
		}
	}
	if (level)
		run_add_unread(copy->run);
	while (level)
		level = pop(copy, level);
	mark_remove(&copy->mark);
}
