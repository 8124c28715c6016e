/* Names of a target that are removed; see extras.h. The copy owns them; the main thread. */
#include "client/tool/tree/extras.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "client/tool/base/exclude.h"
#include "client/tool/base/tool.h"
#include "client/tool/remove/rm_tree.h"

/* A name that is removed from a target directory. */
struct extra {
	struct dir *dir; /* a reference */
	char *name;
	struct extra *next;
};

bool extras_excluded(const struct copy *copy, const struct dir *dir, const char *name,
		     bool directory)
{
	const struct exclude *exclude = copy->config.exclude;
	char *path;
	bool has;

	if (!exclude || !exclude->n)
		return false;
	path = strdup(name);
	for (; path && dir->parent; dir = dir->parent) {
		char *longer = join_path(dir->name, path);

		free(path);
		path = longer;
	}
	if (!path)
		exit(fail_text("out of memory"));
	has = exclude_has(exclude, path, directory);
	free(path);
	return has;
}

/* The seed is random, so that nobody can make names with equal fingerprints. */
struct idkey extras_key(struct copy *copy, const char *name)
{
	if (!copy->seed[0] && getrandom(copy->seed, sizeof(copy->seed), 0) < 0)
		copy->seed[0] = 1;
	return idset_key_of(name, strlen(name), copy->seed[0], copy->seed[1]);
}

static void note(struct copy *copy, struct dir *dir, const char *name)
{
	struct extra *extra = calloc(1, sizeof(*extra));

	if (extra)
		extra->name = strdup(name);
	if (!extra || !extra->name)
		exit(fail_text("out of memory"));
	extra->dir = dir_get(dir);
	extra->next = copy->extras;
	copy->extras = extra;
}

static void failed(struct copy *copy, const struct dir *dir, const char *name, int err)
{
	char *path = dir_path(dir, name);

	fail(path, err);
	run_count_failure(copy->run);
	free(path);
}

void extras_find(struct copy *copy, struct dir *to, const struct dir *from,
		 const struct idset *seen)
{
	const struct fs *fs = to->fs;
	struct usrbio_dirent entry;
	void *listing = NULL;
	int fd = dir_use_patiently(to), err = fd;

	if (fd >= 0) {
		err = fs->list_open(fd, &listing);
		dir_release(to);
	}
	while (err >= 0 && listing && (err = fs->list_next(listing, &entry)) > 0) {
		if (!(seen->n && idset_has(seen, extras_key(copy, entry.name))) &&
		    !extras_excluded(copy, from, entry.name, entry.type == DT_DIR))
			note(copy, to, entry.name);
	}
	if (listing)
		fs->list_close(listing);
	if (err < 0)
		failed(copy, to, NULL, err);
}

/* Remove one name. 1: it was there; 0: it was not; or -errno, which was reported. */
static int remove_one(struct copy *copy, struct dir *dir, const char *name)
{
	const struct fs *fs = dir->fs;
	int fd = dir_use_patiently(dir), err = fd;
	struct usrbio_stat st;

	if (fd >= 0) {
		err = fs->fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW);
		if (!err && !S_ISDIR(st.mode))
			err = fs->unlinkat(fd, name, 0);
		dir_release(dir);
	}
	if (!err && S_ISDIR(st.mode)) {
		if (rm_tree(dir, name, true)) /* it reports errors itself */
			run_count_failure(copy->run);
		return 1;
	}
	if (err && err != -ENOENT)
		failed(copy, dir, name, err);
	return !err;
}

void extras_remove(struct copy *copy)
{
	struct run *run = copy->run;
	bool remove = !run->stopped && !run->totals.failed;

	if (copy->extras && !remove)
		fail_text("nothing was deleted, because not everything was copied");
	while (copy->extras) {
		struct extra *extra = copy->extras;

		copy->extras = extra->next;
		if (remove && remove_one(copy, extra->dir, extra->name) > 0) {
			extra->dir->dirty = true;
			atomic_fetch_add(&run->totals.deleted, 1);
		}
		dir_put(extra->dir);
		free(extra->name);
		free(extra);
	}
}
