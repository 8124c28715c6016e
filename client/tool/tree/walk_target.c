/*
 * The target directories of a walk: they are made or used, and completed; see walk_target.h. The
 * walker makes them: the main thread. The thread that drops the last reference completes one.
 */
#include "client/tool/tree/walk_target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "client/tool/base/tool.h"
#include "client/tool/fs/keep.h"

bool walk_want_descriptors(struct copy *copy, int err)
{
	return (err == -EMFILE || err == -ENFILE) && copy_spare_descriptors(copy);
}

/* Give a complete target directory the attributes of its source. 0 or -errno. */
static int end_kept(const struct dir *dir, int fd)
{
	struct usrbio_stat now;
	int err = dir->fs->fstat(fd, &now);

	return err ? err : keep_set(dir->fs, fd, NULL, &now, &dir->model);
}

/* Set the mode of a target directory that is complete, and sync it; see dir->last. */
static void end_target(struct dir *dir, void *arg)
{
	struct run *run = arg;
	bool sync = run->config.sync && dir->dirty;
	int fd, err = 0;

	if (!sync && !dir->set_mode && !dir->keep)
		return;
	fd = dir_use_patiently(dir);
	if (fd >= 0) {
		err = dir->keep	      ? end_kept(dir, fd)
		      : dir->set_mode ? dir->fs->chmod(fd, dir->mode)
				      : 0;
		if (!err && sync)
			err = dir->fs->fsync(fd);
		dir_release(dir);
	}
	if (fd < 0 || err) {
		char *path = dir_path(dir, NULL);

		complain(path, path, TO, err ? err : fd);
		run_count_failure(run);
		free(path);
	}
}

void walk_adopt(struct run *run, struct dir *to)
{
	to->last = end_target;
	to->last_arg = run;
	ledger_add_dir(&run->ledger, &to->id);
}

/*
 * Note that a target directory gets the attributes of its source when it is complete. Until then
 * its owner may write in it.
 */
static void keep_later(struct copy *copy, struct dir *to, int fd, const struct usrbio_stat *now,
		       const struct usrbio_stat *model)
{
	if (!copy->config.preserve)
		return;
	to->keep = true;
	to->model = *model;
	if (!to->made && keep_differs(now, model))
		atomic_fetch_add(&copy->run->totals.adjusted, 1);
	if ((now->mode & S_IRWXU) != S_IRWXU) /* what cannot be done then is reported */
		to->fs->chmod(fd, (now->mode & 0777) | S_IRWXU);
}

/* Find the error to report when `name`, where a directory has to go, cannot be opened as one. */
static int judge_obstacle(const struct fs *fs, int dir, const char *name, int err)
{
	struct usrbio_stat st;

	if (err != -ENOTDIR && err != -ELOOP)
		return err;
	if (!fs->fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.mode))
		return ERR_LINK_IN_TARGET;
	return ERR_NOT_DIRECTORY;
}

/*
 * Make the directory itself. In a mirror, a file or link in its place is removed. 0; -EEXIST: there
 * is a directory, or something that stays; or another error.
 */
static int make_name(struct copy *copy, const struct fs *fs, int parent, const char *name,
		     mode_t mode)
{
	int err = fs->mkdirat(parent, name, mode);
	struct usrbio_stat st;

	if (err != -EEXIST || !copy->config.mirror ||
	    fs->fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) || S_ISDIR(st.mode))
		return err;
	err = fs->unlinkat(parent, name, 0);
	if (err && err != -ENOENT)
		return err;
	atomic_fetch_add(&copy->run->totals.deleted, 1);
	return fs->mkdirat(parent, name, mode);
}

/* Make a directory in `parent` with its descriptor, or use the one that exists. 0 or an error. */
static int make_dir(struct copy *copy, struct dir *parent, int parent_fd, const char *name,
		    const struct usrbio_stat *model, struct dir **made)
{
	const struct fs *fs = parent->fs;
	bool keep = copy->config.preserve;
	mode_t last = model->mode & 0777 & ~(keep ? 0 : copy->run->umask), first = last | S_IRWXU;
	int err = make_name(copy, fs, parent_fd, name, first), fd;
	struct usrbio_stat st;
	struct usrbio_id id;
	bool is_new = !err;

	if (err && err != -EEXIST)
		return err;
	do {
		fd = fs->openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	} while (fd < 0 && walk_want_descriptors(copy, fd));
	if (fd < 0)
		return judge_obstacle(fs, parent_fd, name, fd);
	err = fs->fstat(fd, &st);
	if (err) {
		fs->close(fd);
		return err;
	}
	id = id_of(&st);
	*made = dir_child(parent, name, fd, &id);
	walk_adopt(copy->run, *made);
	(*made)->made = is_new;
	(*made)->mode = last;
	(*made)->set_mode = is_new && first != last;
	(*made)->dirty = is_new;
	keep_later(copy, *made, fd, &st, model);
	if (is_new) {
		parent->dirty = true;
		atomic_fetch_add(&copy->run->totals.directories, 1);
	}
	return 0;
}

int walk_enter_target(struct copy *copy, struct dir *to, const char *name,
		      const struct usrbio_stat *model, struct dir **made)
{
	int err = ledger_claim(&copy->run->ledger, &to->id, name, CLAIM_DIRECTORY), fd;

	if (err)
		return ERR_NOT_DIRECTORY;
	do {
		fd = dir_use(to);
	} while (fd < 0 && walk_want_descriptors(copy, fd));
	if (fd < 0)
		return fd;
	err = make_dir(copy, to, fd, name, model, made);
	dir_release(to);
	return err;
}

void walk_adopt_attributes(struct copy *copy, struct dir *to, const struct usrbio_stat *model)
{
	int fd = dir_use(to);
	struct usrbio_stat now;

	if (fd < 0)
		return;
	if (!to->fs->fstat(fd, &now))
		keep_later(copy, to, fd, &now, model);
	dir_release(to);
}
