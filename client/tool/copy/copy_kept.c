/*
 * Decides by attributes what is made of a source, and whether an existing target stays as it is,
 * and adjusts the attributes of one that does. The copy owns the file; the thread of the worker
 * that has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "client/tool/copy/copy.h"
#include "client/tool/fs/keep.h"

/* Get the attributes of the object that has the target's name. 0 or -errno. */
static int look(struct copy *copy, struct copy_file *file, struct usrbio_stat *there)
{
	int dir = dir_use(file->to_dir), err;

	if (dir < 0)
		return dir;
	err = copy->side[TO].fs->fstatat(dir, file->to, there, AT_SYMLINK_NOFOLLOW);
	dir_release(file->to_dir);
	return err;
}

/*
 * Judge by attributes whether the target stays as it is. 1: it stays; 0: it is copied; 2: contents
 * decide; or an error of the target.
 */
static int judge(struct copy *copy, struct copy_file *file)
{
	const struct usrbio_stat *source = &file->model;
	struct usrbio_stat there;
	int err;

	if (copy->config.replace == REPLACE_ALL || !file->to_dir || file->to_dir->made ||
	    file->standard)
		return 0;
	err = look(copy, file, &there);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (S_ISDIR(there.mode))
		return 0; /* which is an error, or is removed */
	if (copy->config.replace == REPLACE_NONE)
		return 1;
	if (copy->config.replace == REPLACE_OLDER)
		return there.mtime_ns >= source->mtime_ns;
	if (!S_ISREG(there.mode) || there.size != source->size)
		return 0;
	return copy->config.checksum ? 2 : there.mtime_ns == source->mtime_ns;
}

/* Get the attributes of the source by its name. 0 or an error. */
static int look_at_source(struct copy *copy, struct copy_file *file)
{
	const struct fs *fs = copy->side[FROM].fs;
	int dir, err;

	if (!file->from_dir)
		return fs->stat(file->from, &file->model);
	dir = dir_use(file->from_dir);
	if (dir < 0)
		return dir;
	err = fs->fstatat(dir, file->from, &file->model, file->by_link ? 0 : AT_SYMLINK_NOFOLLOW);
	dir_release(file->from_dir);
	return err;
}

/* True if attributes of the source decide whether its data is copied. */
static bool looks(const struct copy *copy, const struct copy_file *file)
{
	return file->kind == KIND_LINK ||
	       (file->to_dir && !file->comparing && !file->standard &&
		(copy->config.names || copy->config.replace != REPLACE_ALL));
}

int copy_kept_decide(struct copy *copy, struct copy_file *file, enum side *side)
{
	int err;

	*side = FROM;
	if (!looks(copy, file))
		return 1;
	err = look_at_source(copy, file);
	if (!err && S_ISLNK(file->model.mode) != (file->kind == KIND_LINK))
		err = -ESTALE;
	if (err)
		return err;
	file->source = id_of(&file->model);
	*side = TO;
	err = judge(copy, file);
	/* A target that only happens to exist is no first name; one that is equal is. */
	if (err == 1 && copy->config.replace != REPLACE_CHANGED) {
		file->kind = KIND_KEPT;
		return 0;
	}
	if (err >= 0 && copy->config.names && file->model.nlink > 1 && !names_claim(copy, file))
		return 0;
	if (err == 1)
		file->kind = KIND_KEPT;
	if (err == 2)
		file->comparing = file->checking = !file->compared;
	return err < 0 ? err : file->kind == KIND_FILE;
}

int copy_kept_adjust(struct copy *copy, struct copy_file *file)
{
	const struct fs *fs = copy->side[TO].fs;
	struct usrbio_stat there;
	int dir, err;

	if (!copy->config.preserve || copy->config.replace != REPLACE_CHANGED)
		return 0;
	dir = dir_use_patiently(file->to_dir);
	if (dir < 0)
		return dir;
	err = fs->fstatat(dir, file->to, &there, AT_SYMLINK_NOFOLLOW);
	if (!err && (there.mode & S_IFMT) == (file->model.mode & S_IFMT)) {
		if (keep_differs(&there, &file->model))
			atomic_fetch_add(&copy->run->totals.adjusted, 1);
		err = keep_set(fs, dir, file->to, &there, &file->model);
	}
	dir_release(file->to_dir);
	return err;
}
