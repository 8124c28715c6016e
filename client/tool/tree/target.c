/*
 * The target of cp; see target.h. Links are followed here, because the user named them. The command
 * owns it; the main thread.
 */
#include "client/tool/tree/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/fs/named.h"
#include "client/tool/base/tool.h"

static int open_dir(struct target *target, struct run *run, const char *path)
{
	const struct fs *fs = target->endpoint.fs;
	int fd = fs->open(path, O_RDONLY | O_DIRECTORY, 0), err;
	struct usrbio_stat st;
	struct usrbio_id id;

	if (fd < 0)
		return fd;
	err = fs->fstat(fd, &st);
	target->lineage = calloc(LINEAGE_MAX, sizeof(*target->lineage));
	if (!err && !target->lineage)
		err = -ENOMEM;
	if (!err)
		err = fs->ancestors(fd, target->lineage, LINEAGE_MAX);
	if (err < 0) {
		fs->close(fd);
		return err;
	}
	target->nr_lineage = err < LINEAGE_MAX ? err : LINEAGE_MAX;
	id = id_of(&st);
	target->dir = dir_top(&run->dirs, fs, path, fd, &id);
	return 0;
}

/* Open the directory that holds a name, and keep the name. */
static int open_parent(struct target *target, struct run *run, const char *path)
{
	char *parent;
	int err = named_split(&target->endpoint, path, &parent, &target->name);

	if (err)
		return err;
	err = open_dir(target, run, parent);
	free(parent);
	return err;
}

static int not_there(struct target *target, struct run *run)
{
	int err = open_parent(target, run, target->path);

	return err ? fail(target->path, err) : 0;
}

/* True if the name that was found leads to the object of the path, without another link. */
static bool is_there(const struct target *target, const struct usrbio_stat *st)
{
	struct usrbio_id a, b;
	struct usrbio_stat now;
	int dir = dir_use(target->dir), err = dir;

	if (dir >= 0) {
		err = target->dir->fs->fstatat(dir, target->name, &now, AT_SYMLINK_NOFOLLOW);
		dir_release(target->dir);
	}
	if (err < 0)
		return false;
	a = id_of(st);
	b = id_of(&now);
	return id_equal(&a, &b);
}

static void forget_dir(struct target *target)
{
	dir_put(target->dir);
	free(target->name);
	free(target->lineage);
	target->dir = NULL;
	target->name = NULL;
	target->lineage = NULL;
	target->nr_lineage = 0;
}

/* Replace an existing file where it is, at the end of all links. */
static int existing_file(struct target *target, struct run *run, const struct usrbio_stat *st)
{
	bool local = !target->endpoint.fs->rings;
	char real[PATH_MAX];
	int err;

	if (local && !S_ISREG(st->mode))
		return 0; /* it is written in place */
	if (local && !realpath(target->path, real))
		return fail(target->path, -errno);
	err = open_parent(target, run, local ? real : target->path);
	if (err)
		return fail(target->path, err);
	if (is_there(target, st))
		return 0;
	if (local) { /* it has no name any more; a descriptor in /proc can lead to such a file */
		forget_dir(target);
		return 0;
	}
	return fail_text("%s: is a symbolic link to a file; name the file itself", target->path);
}

int target_open(struct target *target, struct run *run, const char *path, int nr_sources)
{
	struct usrbio_stat st;
	size_t len = strlen(path);
	int err;

	*target = (struct target){.path = path};
	err = endpoint_of(path, &target->endpoint);
	if (!err)
		err = target->endpoint.fs->stat(path, &st);
	if (err && err != -ENOENT)
		return fail(path, err);
	if (!err && S_ISDIR(st.mode)) {
		err = open_dir(target, run, path);
		return err ? fail(path, err) : 0;
	}
	if (nr_sources > 1 || (!err && len && path[len - 1] == '/'))
		return fail(path, -ENOTDIR);
	return err ? not_there(target, run) : existing_file(target, run, &st);
}

void target_close(struct target *target)
{
	forget_dir(target);
}

bool target_is_inside(const struct target *target, const struct usrbio_id *id)
{
	for (int i = 0; i < target->nr_lineage; i++) {
		if (id_equal(&target->lineage[i], id))
			return true;
	}
	return false;
}
