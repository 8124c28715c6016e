/*
 * A file that is copied, from opening its source to closing its target: one object in two modules
 * that call each other. This one opens and closes; commit.c decides whether the target may be
 * replaced and renames it. The copy owns the file; one worker has it at a time, and works on it
 * without copy->lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <hf3fs_usrbio.h>

#include "client/tool/copy/copy.h"
#include "client/tool/fs/extents.h"
#include "client/tool/fs/keep.h"
#include "client/tool/base/temp_name.h"
#include "client/tool/base/tool.h"

#define NAME_TRIES   8
#define PROBE	     4096		 /* bytes; see copy_file.probe */
#define LOOK_MIN     ((uint64_t)1 << 20) /* bytes; see look_first */
#define FIFO_WAIT_NS 100000000		 /* 100 ms between attempts to open a FIFO */

struct copy_file *copy_file_new(struct dir *from_dir, const char *from, struct dir *to_dir,
				const char *to)
{
	struct copy_file *file = calloc(1, sizeof(*file));

	if (file) {
		file->from = strdup(from);
		file->to = strdup(to);
	}
	if (!file || !file->from || !file->to)
		exit(fail_text("out of memory"));
	file->standard = !from_dir && !strcmp(from, "-");
	file->from_dir = from_dir ? dir_get(from_dir) : NULL;
	file->to_dir = to_dir ? dir_get(to_dir) : NULL;
	file->fd[FROM] = file->fd[TO] = -1;
	file->end = UINT64_MAX;
	file->probe = PROBE;
	list_init(&file->link);
	list_init(&file->open);
	return file;
}

void copy_file_free(struct copy_file *file)
{
	dir_put(file->from_dir);
	dir_put(file->to_dir);
	free(file->extents);
	free(file->from);
	free(file->to);
	free(file);
}

char *copy_file_path(const struct copy_file *file, enum side side)
{
	const struct dir *dir = side == FROM ? file->from_dir : file->to_dir;
	const char *name = side == FROM ? file->from : file->to;
	char *path = dir ? dir_path(dir, name) : strdup(name);

	if (!path)
		exit(fail_text("out of memory"));
	return path;
}

/* Only the first error of a file is reported. */
void copy_file_failed(struct copy *copy, struct copy_file *file, enum side side, int err)
{
	char *from, *to;
	bool told;

	pthread_mutex_lock(&copy->lock);
	told = file->failed;
	file->failed = true;
	pthread_mutex_unlock(&copy->lock);
	if (told)
		return;
	from = copy_file_path(file, FROM);
	to = copy_file_path(file, TO);
	complain(from, to, side, err);
	free(from);
	free(to);
}

/* Keep a new descriptor, and register it if its side has rings. fd may be -errno. 0 or -errno. */
static int keep(struct copy *copy, struct copy_file *file, enum side side, int fd)
{
	int err = 0;

	if (fd < 0)
		return fd;
	file->fd[side] = fd;
	if (copy->side[side].fs->rings)
		err = hf3fs_reg_fd(fd, 0);
	return err > 0 ? -err : 0; /* hf3fs_reg_fd alone returns +errno */
}

int copy_file_close(struct copy *copy, struct copy_file *file, enum side side)
{
	const struct fs *fs = copy->side[side].fs;
	int fd = file->fd[side];

	if (fd < 0)
		return 0;
	if (fs->rings)
		hf3fs_dereg_fd(fd);
	file->fd[side] = -1;
	return fs->close(fd);
}

static int open_source_fd(struct copy *copy, struct copy_file *file)
{
	const struct fs *fs = copy->side[FROM].fs;
	int dir, fd;

	if (file->standard)
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (!file->from_dir)
		return fs->open(file->from, O_RDONLY, 0);
	dir = dir_use(file->from_dir);
	if (dir < 0)
		return dir;
	fd = file->by_link ? fs->follow(dir, file->from)
			   : fs->openat(dir, file->from, O_RDONLY | O_NOFOLLOW, 0);
	dir_release(file->from_dir);
	return fd == -ELOOP && !file->by_link ? -ESTALE : fd;
}

/* Open the source, and find its first extents if it has holes. 0 or an error. */
static int open_source(struct copy *copy, struct copy_file *file, struct usrbio_stat *st)
{
	const struct fs *fs = copy->side[FROM].fs;
	int err = keep(copy, file, FROM, open_source_fd(copy, file));

	if (!err)
		err = fs->fstat(file->fd[FROM], st);
	if (!err && !S_ISREG(st->mode) && !file->standard)
		err = ERR_NOT_A_FILE;
	if (err)
		return err;
	file->source = id_of(st);
	file->model = *st;
	file->mode = file->standard ? 0666 : st->mode & 0777;
	file->size = file->standard ? 0 : st->size;
	if (file->standard)
		return 0;
	if (!file->compared) {
		atomic_fetch_add(&copy->run->totals.bytes_found, st->size);
		atomic_fetch_add(&copy->run->totals.files_opened, 1);
	}
	if (!extents_expected(st) || file->stream || file->comparing)
		return 0;
	file->extents = calloc(1, sizeof(*file->extents));
	err = file->extents ? extents_fill(file->extents, fs, file->fd[FROM]) : -ENOMEM;
	if (err == -EOPNOTSUPP) {
		free(file->extents);
		file->extents = NULL;
		return 0;
	}
	if (!err && file->extents->complete)
		file->end = file->extents->size;
	return err;
}

static bool is_fifo(const struct fs *fs, const char *path)
{
	struct usrbio_stat st;

	return !fs->stat(path, &st) && S_ISFIFO(st.mode);
}

/*
 * Open a target that is written in place, such as a device. A FIFO without a reader is tried again
 * until it has one, or the run is stopped. Sockets and missing devices have the same error, -ENXIO.
 */
static int open_in_place(struct copy *copy, struct copy_file *file)
{
	const struct fs *fs = copy->side[TO].fs;
	struct timespec pause = {.tv_nsec = FIFO_WAIT_NS};
	struct usrbio_stat st;
	struct usrbio_id id;
	int fd, err;

	if (copy->config.verify)
		return ERR_NO_CHECK;
	if (!strcmp(file->to, "-"))
		return keep(copy, file, TO, fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
	while ((fd = fs->open(file->to, O_WRONLY | O_NONBLOCK, 0)) == -ENXIO &&
	       is_fifo(fs, file->to) && !copy->run->stopped && !nanosleep(&pause, NULL))
		;
	err = keep(copy, file, TO, fd);
	if (!err)
		err = fs->fstat(fd, &st);
	if (err)
		return err;
	id = id_of(&st);
	if (id_equal(&id, &file->source))
		return ERR_SAME_FILE;
	if (fcntl(fd, F_SETFL, O_WRONLY)) /* clears O_NONBLOCK; the file is local */
		return -errno;
	return S_ISREG(st.mode) ? fs->truncate(fd, 0) : 0;
}

/* Create the target under a temporary name in `dir`, the descriptor of to_dir. 0 or an error. */
static int make_temp(struct copy *copy, struct copy_file *file, int dir, mode_t mode)
{
	int flags = (copy->config.verify ? O_RDWR : O_WRONLY) | O_CREAT | O_EXCL | O_NOFOLLOW;
	int fd = -EEXIST;

	for (int i = 0; fd == -EEXIST && i < NAME_TRIES; i++) {
		temp_name(file->temp);
		fd = copy->side[TO].fs->openat(dir, file->temp, flags, mode);
	}
	if (fd < 0)
		file->temp[0] = '\0';
	return keep(copy, file, TO, fd);
}

/*
 * True if the name of the target is to be checked before the file is copied. On a mount that costs
 * a call to the server. A small file, or one in a new directory, can do without: the rename at the
 * end refuses to replace anything.
 */
static bool look_first(const struct copy *copy, const struct copy_file *file)
{
	return !copy->side[TO].fs->rings || (!file->to_dir->made && file->size >= LOOK_MIN);
}

static int open_target(struct copy *copy, struct copy_file *file)
{
	const struct fs *fs = copy->side[TO].fs;
	mode_t mode = file->mode & ~(fs->masks ? 0 : copy->run->umask);
	struct usrbio_stat there;
	int dir = dir_use(file->to_dir), err = -ENOENT;

	if (dir < 0)
		return dir;
	if (look_first(copy, file))
		err = commit_look(copy, file, dir, &there);
	if (!err && S_ISREG(there.mode))
		mode &= there.mode; /* no user may read the new file who may not read the old one */
	if (!err || err == -ENOENT)
		err = make_temp(copy, file, dir, mode);
	dir_release(file->to_dir);
	return err;
}

/* Open the existing target, to compare its contents with those of the source. 0 or an error. */
static int open_compared(struct copy *copy, struct copy_file *file)
{
	int dir = dir_use(file->to_dir), fd;

	if (dir < 0)
		return dir;
	fd = copy->side[TO].fs->openat(dir, file->to, O_RDONLY | O_NOFOLLOW, 0);
	dir_release(file->to_dir);
	file->end = file->size;
	return keep(copy, file, TO, fd);
}

/* Remove the temporary file, if there is one. */
static void remove_temp(struct copy *copy, struct copy_file *file)
{
	int dir, err;

	if (!file->temp[0])
		return;
	dir = dir_use_patiently(file->to_dir);
	err = dir;
	if (dir >= 0) {
		err = copy->side[TO].fs->unlinkat(dir, file->temp, 0);
		dir_release(file->to_dir);
	}
	if (err < 0 && err != -ENOENT && err != -ESTALE) {
		char *path = dir_path(file->to_dir, file->temp);

		fail(path, err);
		free(path);
	}
	file->temp[0] = '\0';
}

int copy_file_open(struct copy *copy, struct copy_file *file, enum side *side)
{
	struct usrbio_stat st;
	int err;

	file->stream = !file->to_dir;
	err = copy_kept_decide(copy, file, side);
	if (!err) {
		file->end = 0; /* there is nothing to copy */
		return 0;
	}
	if (err > 0) {
		*side = FROM;
		err = open_source(copy, file, &st);
	}
	if (!err) {
		*side = TO;
		err = file->comparing ? open_compared(copy, file)
		      : file->to_dir  ? open_target(copy, file)
				      : open_in_place(copy, file);
	}
	if (err) { /* restore the state before, because it may be opened again */
		copy_file_close(copy, file, FROM);
		copy_file_close(copy, file, TO);
		remove_temp(copy, file);
		free(file->extents);
		file->extents = NULL;
		file->end = UINT64_MAX;
		file->comparing = file->checking = false;
	}
	return err;
}

int copy_file_cut(struct copy *copy, struct copy_file *file)
{
	if (file->stream || file->written == file->end)
		return 0;
	return copy->side[TO].fs->truncate(file->fd[TO], file->end);
}

/*
 * End a complete target: rename it, or sync it if it was written in place. 0; 1: the target stays
 * as it is; or an error.
 */
static int finish(struct copy *copy, struct copy_file *file)
{
	int err;

	if (file->kind == KIND_LINK)
		return copy_link_make(copy, file);
	if (file->kind == KIND_NAME)
		return names_make(copy, file);
	if (file->kind == KIND_KEPT) {
		err = copy_kept_adjust(copy, file);
		return err ? err : 1;
	}
	if (!file->stream) {
		err = copy->config.preserve
			      ? keep_set(copy->side[TO].fs, file->fd[TO], NULL, NULL, &file->model)
			      : 0;
		return err ? err : commit(copy, file);
	}
	err = copy->config.sync ? copy->side[TO].fs->fsync(file->fd[TO]) : 0;
	return err == -EINVAL || err == -EROFS ? 0 : err; /* devices and FIFOs have no fsync */
}

static void count(struct copy *copy, struct copy_file *file, bool done)
{
	struct copy_totals *totals = &copy->run->totals;

	if (done && file->kind == KIND_KEPT)
		atomic_fetch_add(&totals->kept, 1);
	else if (done && file->kind == KIND_LINK)
		atomic_fetch_add(&totals->links, 1);
	else if (done && file->kind == KIND_NAME)
		atomic_fetch_add(&totals->names, 1);
	else if (done)
		atomic_fetch_add(&totals->files, 1);
	else if (file->failed)
		run_count_failure(copy->run);
	else
		run_add_missing(copy->run, copy_file_path(file, FROM));
}

void copy_file_end(struct copy *copy, struct copy_file *file)
{
	bool whole = !file->failed && !file->out && !copy->run->stopped;
	int err;

	if (whole && file->kind == KIND_NAME && names_put_aside(copy, file))
		return;
	copy_file_close(copy, file, FROM); /* first, because commit may need a descriptor */
	err = whole ? finish(copy, file) : 0;
	if (err < 0)
		copy_file_failed(copy, file, TO, err);
	copy_file_close(copy, file, TO);
	remove_temp(copy, file);
	names_first_done(copy, file, whole && !file->failed);
	if (err == 1)
		file->kind = KIND_KEPT;
	count(copy, file, whole && !file->failed);
	pthread_mutex_lock(&copy->lock);
	list_del(&file->open);
	copy->nr_open--;
	copy->unfinished--;
	pthread_cond_broadcast(&copy->room);
	if (!copy->nr_open) {
		pthread_cond_broadcast(&copy->pieces);
		copy_wake_workers(copy);
	}
	pthread_mutex_unlock(&copy->lock);
	copy_file_free(file);
}
