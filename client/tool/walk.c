/* Walking a source tree: one thread, directories before what is in them. */
#include "client/tool/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/tool.h"

struct level {
	struct copy *copy;
	const char *from, *to;
};

static void count_failure(struct copy *copy)
{
	atomic_fetch_add(&copy->totals->failed, 1);
}

static void failed(struct copy *copy, const char *path, int err)
{
	fail(path, err);
	count_failure(copy);
}

static void walk_directory(struct copy *copy, const char *from, const char *to)
{
	struct usrbio_stat st;
	int err = copy->side[FROM].fs->lstat(from, &st);

	if (err)
		failed(copy, from, err);
	else
		walk_tree(copy, from, to, st.mode);
}

/* File systems may leave the type out of an entry. */
static unsigned char type_of(const struct endpoint *side, const char *path)
{
	struct usrbio_stat st;

	return side->fs->lstat(path, &st) ? DT_UNKNOWN : IFTODT(st.mode);
}

static int visit(const char *name, unsigned char type, void *arg)
{
	struct level *level = arg;
	char *from = join_path(level->from, name), *to = join_path(level->to, name);

	if (type == DT_UNKNOWN)
		type = type_of(&level->copy->side[FROM], from);
	if (type == DT_REG) {
		copy_add(level->copy, from, to);
		return 0;
	}
	if (type == DT_DIR) {
		walk_directory(level->copy, from, to);
	} else {
		fail_text("%s: neither a file nor a directory, skipped", from);
		count_failure(level->copy);
	}
	free(from);
	free(to);
	return 0;
}

void walk_tree(struct copy *copy, const char *from, const char *to, mode_t mode)
{
	struct level level = {.copy = copy, .from = from, .to = to};
	/* We have to write into it, whatever its model lets anybody do. */
	int err = copy->side[TO].fs->mkdir(to, (mode & 07777) | S_IRWXU);

	if (err && err != -EEXIST) {
		failed(copy, to, err);
		return;
	}
	err = copy->side[FROM].fs->list(from, visit, &level);
	if (err)
		failed(copy, from, err);
}
