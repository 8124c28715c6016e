/*
 * Copies a symbolic link, with its text as it is: it need not lead anywhere, and nothing follows
 * it. The copy owns the file; the thread of the worker that has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/copy/copy.h"
#include "client/tool/fs/keep.h"

#define NAME_TRIES 8

/* Read the source's text. 0 or an error. */
static int read_source(struct copy *copy, struct copy_file *file, char text[PATH_MAX])
{
	int dir = dir_use_patiently(file->from_dir), err;

	if (dir < 0)
		return dir;
	err = copy->side[FROM].fs->readlinkat(dir, file->from, text, PATH_MAX);
	dir_release(file->from_dir);
	return err == -EINVAL ? -ESTALE : err; /* something else has replaced it */
}

/* True if the target is a link with this text. */
static bool is_equal(const struct fs *fs, int dir, const char *name, const char *text)
{
	char there[PATH_MAX];

	return !fs->readlinkat(dir, name, there, sizeof(there)) && !strcmp(there, text);
}

/* Make the link under a temporary name, with its attributes. 0 or an error. */
static int make_temp(struct copy *copy, struct copy_file *file, int dir, const char *text)
{
	const struct fs *fs = copy->side[TO].fs;
	int err = -EEXIST;

	for (int i = 0; err == -EEXIST && i < NAME_TRIES; i++) {
		temp_name(file->temp);
		err = fs->symlinkat(text, dir, file->temp);
	}
	if (err)
		file->temp[0] = '\0';
	else if (copy->config.preserve)
		err = keep_set(fs, dir, file->temp, NULL, &file->model);
	return err;
}

int copy_link_make(struct copy *copy, struct copy_file *file)
{
	char text[PATH_MAX];
	int err = read_source(copy, file, text), dir;

	if (err)
		return err;
	dir = dir_use_patiently(file->to_dir);
	if (dir < 0)
		return dir;
	if (copy->config.replace == REPLACE_CHANGED && !file->to_dir->made &&
	    is_equal(copy->side[TO].fs, dir, file->to, text)) {
		dir_release(file->to_dir);
		err = copy_kept_adjust(copy, file);
		return err ? err : 1;
	}
	err = make_temp(copy, file, dir, text);
	dir_release(file->to_dir);
	return err ? err : commit(copy, file);
}
