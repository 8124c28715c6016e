/*
 * Renames a complete target to its final name. It was written in the same directory under a
 * temporary name, so that the final name leads to the whole old file or to the whole new one at any
 * moment. An object that has the final name is checked first: it may be the source itself. The
 * copy owns the file; the thread of the worker that has it calls this.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/copy/copy.h"
#include "client/tool/fs/named.h"
#include "client/tool/remove/rm_tree.h"

#define RENAME_TRIES 8

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* Open the directory that holds the last name of a path. A descriptor or -errno. */
static int open_parent(const struct fs *fs, const char *path)
{
	struct endpoint endpoint;
	char *parent, *name;
	int fd = endpoint_of(path, &endpoint);

	if (!fd)
		fd = named_split(&endpoint, path, &parent, &name);
	if (fd)
		return fd;
	fd = fs->open(parent, O_RDONLY | O_DIRECTORY, 0);
	free(parent);
	free(name);
	return fd;
}

/*
 * True if source and target have the same name in the same directory, so that they are one file.
 * Identities do not always show this, because network mounts and overlays change device numbers.
 * But if the directory of the source has the temporary file of the target, too, it is the same
 * directory.
 */
static bool in_one_directory(struct copy *copy, const struct copy_file *file)
{
	const struct fs *fs = copy->side[FROM].fs;
	const char *slash = strrchr(file->from, '/');
	const char *name = file->from_dir || !slash ? file->from : slash + 1;
	struct usrbio_stat st;
	bool found;
	int dir;

	if (!file->temp[0] || strcmp(name, file->to))
		return false;
	dir = file->from_dir ? dir_use(file->from_dir) : open_parent(fs, file->from);
	if (dir < 0)
		return false;
	found = !fs->fstatat(dir, file->temp, &st, AT_SYMLINK_NOFOLLOW);
	if (file->from_dir)
		dir_release(file->from_dir);
	else
		fs->close(dir);
	return found;
}

/* True if the object `there` with the target's name is the source, or a link to it. */
static bool is_source(struct copy *copy, const struct copy_file *file, int dir,
		      const struct usrbio_stat *there)
{
	struct usrbio_id id = id_of(there);
	struct usrbio_stat behind;

	if (id_equal(&id, &file->source))
		return true;
	if (S_ISLNK(there->mode) && !copy->side[TO].fs->fstatat(dir, file->to, &behind, 0)) {
		id = id_of(&behind);
		if (id_equal(&id, &file->source))
			return true;
	}
	return !id_comparable(&id, &file->source) && in_one_directory(copy, file);
}

int commit_look(struct copy *copy, struct copy_file *file, int dir, struct usrbio_stat *there)
{
	struct usrbio_id id;
	int err = copy->side[TO].fs->fstatat(dir, file->to, there, AT_SYMLINK_NOFOLLOW);

	if (err)
		return err;
	if (S_ISDIR(there->mode))
		return copy->config.mirror ? 0 : ERR_IS_DIRECTORY;
	if (!S_ISREG(there->mode) && !S_ISLNK(there->mode) && !copy->config.mirror)
		return ERR_SPECIAL;
	id = id_of(there);
	if (ledger_has_file(&copy->run->ledger, &id))
		return ERR_JUST_MADE;
	return is_source(copy, file, dir, there) ? ERR_SAME_FILE : 0;
}

/* Rename the target to a name that should be free. -EEXIST: it is not. */
static int rename_new(const struct fs *fs, int dir, const struct copy_file *file)
{
	struct usrbio_stat st;
	int err = fs->renameat(dir, file->temp, file->to, RENAME_NOREPLACE);

	if (err != -EINVAL && err != -ENOSYS && err != -EOPNOTSUPP)
		return err;
	/*
	 * The file system lacks RENAME_NOREPLACE. A file that another program makes between the
	 * two calls below is replaced.
	 */
	err = fs->fstatat(dir, file->to, &st, AT_SYMLINK_NOFOLLOW);
	if (err == -ENOENT)
		return fs->renameat(dir, file->temp, file->to, 0);
	return err ? err : -EEXIST;
}

/*
 * Note the target in the ledger. A file system that ignores the case of names has several names for
 * one file, and a later source may have another of them: it must not replace this target. In a
 * directory that this run made, every file is its own, and the call to the server is saved.
 */
static int remember(struct copy *copy, struct copy_file *file, int dir)
{
	struct usrbio_stat st;
	struct usrbio_id id;
	int err;

	if (file->to_dir->made)
		return 0;
	err = file->fd[TO] < 0
		      ? copy->side[TO].fs->fstatat(dir, file->temp, &st, AT_SYMLINK_NOFOLLOW)
		      : copy->side[TO].fs->fstat(file->fd[TO], &st);
	id = id_of(&st);
	if (!err)
		ledger_add_file(&copy->run->ledger, &id);
	return err;
}

/*
 * Check the object that has the target's name; give the new file its owner and permissions. 1: it
 * may be replaced; 0: there is none; or an error.
 */
static int prepare_replace(struct copy *copy, struct copy_file *file, int dir)
{
	struct usrbio_stat there;
	int err = commit_look(copy, file, dir, &there);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (file->to_dir->made)
		return ERR_JUST_MADE;
	if (S_ISDIR(there.mode))
		return rm_tree(file->to_dir, file->to, true) ? ERR_NOT_REMOVED : 0;
	if (S_ISREG(there.mode) && file->kind == KIND_FILE && !copy->config.preserve)
		err = copy->side[TO].fs->imitate(file->fd[TO], &there);
	return err ? err : 1;
}

/* Sync and rename the target; with `look`, check first what has its name. 0 or an error. */
static int try_name(struct copy *copy, struct copy_file *file, int dir, bool look)
{
	const struct fs *fs = copy->side[TO].fs;
	int there = look ? prepare_replace(copy, file, dir) : 0, err = 0;

	if (there < 0)
		return there;
	if (copy->config.sync && file->fd[TO] >= 0)
		err = fs->fsync(file->fd[TO]);
	if (!err && fs->close_tells)
		err = copy_file_close(copy, file, TO);
	if (err)
		return err;
	return there ? fs->renameat(dir, file->temp, file->to, 0) : rename_new(fs, dir, file);
}

/* True if all that a new attempt needs is there: a file's descriptor may be closed by now. */
static bool can_retry(const struct copy_file *file)
{
	return file->fd[TO] >= 0 || file->kind != KIND_FILE;
}

int commit(struct copy *copy, struct copy_file *file)
{
	bool look = !copy->side[TO].fs->rings;
	int dir = dir_use_patiently(file->to_dir), err = dir;

	if (dir < 0)
		return err;
	err = remember(copy, file, dir);
	if (!err)
		err = try_name(copy, file, dir, look);
	for (int i = 0; err == -EEXIST && can_retry(file) && i < RENAME_TRIES; i++)
		err = try_name(copy, file, dir, true);
	if (!err) {
		file->temp[0] = '\0';
		file->to_dir->dirty = true;
	}
	dir_release(file->to_dir);
	return err;
}
