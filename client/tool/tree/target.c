/*
 * Finds and opens the target of cp; see target.h. Links are followed here, because the user named
 * them. The command owns the target; the main thread.
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

/* Open the directory of a target, and find its ancestors. 0 or -errno. */
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

/* Split a path, keep the name, and open the directory that it is in. 0 or -errno. */
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

/* Open the directory of a target that does not exist yet. 0 or an exit status. */
static int not_there(struct target *target, struct run *run)
{
	int err = open_parent(target, run, target->path);

	return err ? fail(target->path, err) : 0;
}

/* True if target->name in target->dir is the object `st` itself, and no link to it. */
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

/* Undo open_parent and open_dir. */
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

/*
 * Prepare to replace an existing file: find its name and directory behind all links. A file
 * without a name, a device, FIFO or socket is written in place. 0 or an exit status.
 */
static int existing_file(struct target *target, struct run *run, const struct usrbio_stat *st)
{
	bool local = !target->endpoint.fs->rings;
	char real[PATH_MAX];
	int err;

	if (local && !S_ISREG(st->mode))
		return 0; /* target->dir stays NULL: it is written in place */
	if (local && !realpath(target->path, real))
		return fail(target->path, -errno);
	err = open_parent(target, run, local ? real : target->path);
	if (err)
		return fail(target->path, err);
	if (is_there(target, st))
		return 0;
	if (local) { /* a link in /proc/PID/fd can lead to a file whose name was removed */
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
