/* The queue between the walker and the lanes, and the life of a file: added, opened by the lane
 * that meets it first, copied, checked, closed by whoever ends its last piece. */
#include "client/tool/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <hf3fs_usrbio.h>

#include "client/tool/tool.h"

#define FRESH_MAX 8192

static void list_init(struct file_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_append(struct file_list *list, struct copy_file *file)
{
	file->next = NULL;
	*list->end = file;
	list->end = &file->next;
}

static struct copy_file *list_take(struct file_list *list)
{
	struct copy_file *file = list->first;

	if (file) {
		list->first = file->next;
		if (!list->first)
			list->end = &list->first;
	}
	return file;
}

static void list_remove(struct file_list *list, struct copy_file *file)
{
	struct copy_file **at = &list->first;

	while (*at && *at != file)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = file->next;
	if (!*at)
		list->end = at;
}

int copy_start(struct copy *copy, const struct copy_config *config, const struct endpoint *from,
	       const struct endpoint *to, struct copy_totals *totals)
{
	int err = 0;

	*copy = (struct copy){.config = *config, .side = {*from, *to}, .totals = totals};
	list_init(&copy->fresh);
	list_init(&copy->active);
	copy->thread = calloc(config->lanes, sizeof(*copy->thread));
	if (!copy->thread)
		return -ENOMEM;
	pthread_mutex_init(&copy->lock, NULL);
	pthread_cond_init(&copy->news, NULL);
	while (!err && copy->started < config->lanes) {
		err = -pthread_create(&copy->thread[copy->started], NULL, copy_lane_run, copy);
		copy->started += !err;
	}
	if (err && !copy->started) {
		copy_finish(copy);
		return err;
	}
	return 0; /* fewer lanes than asked for do as well */
}

void copy_add(struct copy *copy, char *from, char *to)
{
	struct copy_file *file = calloc(1, sizeof(*file));

	if (!file)
		exit(fail_text("out of memory"));
	file->from = from;
	file->to = to;
	file->fd[FROM] = file->fd[TO] = -1;
	atomic_fetch_add(&copy->totals->files_found, 1);
	pthread_mutex_lock(&copy->lock);
	while (copy->nr_fresh == FRESH_MAX && !copy->broken)
		pthread_cond_wait(&copy->news, &copy->lock);
	list_append(&copy->fresh, file);
	copy->nr_fresh++;
	copy->unfinished++;
	pthread_cond_broadcast(&copy->news);
	pthread_mutex_unlock(&copy->lock);
}

static void free_file(struct copy_file *file)
{
	free(file->from);
	free(file->to);
	free(file);
}

void copy_finish(struct copy *copy)
{
	struct copy_file *file;

	pthread_mutex_lock(&copy->lock);
	copy->complete = true;
	pthread_cond_broadcast(&copy->news);
	pthread_mutex_unlock(&copy->lock);
	for (unsigned i = 0; i < copy->started; i++)
		pthread_join(copy->thread[i], NULL);
	/* Only a broken copy leaves any. */
	while ((file = list_take(&copy->active)) || (file = list_take(&copy->fresh))) {
		atomic_fetch_add(&copy->totals->failed, 1);
		free_file(file);
	}
	pthread_mutex_destroy(&copy->lock);
	pthread_cond_destroy(&copy->news);
	free(copy->thread);
}

/* One message per file is enough. */
static void complain(struct copy *copy, struct copy_file *file, enum side side, int err)
{
	bool told;

	pthread_mutex_lock(&copy->lock);
	told = file->failed;
	file->failed = true;
	pthread_mutex_unlock(&copy->lock);
	if (told)
		return;
	if (err == -ENODATA)
		fail_text("%s: became shorter while it was copied", file->from);
	else if (err == -EILSEQ)
		fail_text("%s: differs from %s", file->to, file->from);
	else if (err == -EUCLEAN)
		fail_text("%s and %s are the same file", file->from, file->to);
	else
		fail(side == FROM ? file->from : file->to, err);
}

/* Close what is open and count; the file is gone afterwards. */
static void end_file(struct copy *copy, struct copy_file *file)
{
	for (int side = FROM; side <= TO; side++) {
		const struct fs *fs = copy->side[side].fs;
		int err = 0;

		if (file->fd[side] < 0)
			continue;
		if (fs->rings)
			hf3fs_dereg_fd(file->fd[side]);
		err = fs->close(file->fd[side]);
		if (err)
			complain(copy, file, side, err);
	}
	atomic_fetch_add(file->failed ? &copy->totals->failed : &copy->totals->files, 1);
	free_file(file);
	pthread_mutex_lock(&copy->lock);
	copy->unfinished--;
	pthread_cond_broadcast(&copy->news);
	pthread_mutex_unlock(&copy->lock);
}

static int open_side(struct copy *copy, struct copy_file *file, enum side side, int flags,
		     mode_t mode)
{
	const struct fs *fs = copy->side[side].fs;
	int fd = fs->open(side == FROM ? file->from : file->to, flags, mode), err = 0;

	if (fd < 0)
		return fd;
	file->fd[side] = fd;
	if (fs->rings)
		err = hf3fs_reg_fd(fd, 0);
	return err > 0 ? -err : 0; /* the one call with +errno */
}

/*
 * Are these one file? Two views of a file system (a URL, an NFS mount, the exported directory) need
 * not agree on its device; inode, size and time are telling enough then.
 */
static bool is_same(const struct copy *copy, const struct usrbio_stat *a,
		    const struct usrbio_stat *b)
{
	if (a->ino != b->ino || a->size != b->size || a->mtime_ns != b->mtime_ns)
		return false;
	return a->dev == b->dev || !endpoint_same(&copy->side[FROM], &copy->side[TO]);
}

/* A target that exists: cut once it is known not to be the source by another name. */
static int reuse_target(struct copy *copy, struct copy_file *file, int flags,
			const struct usrbio_stat *from)
{
	struct usrbio_stat to;
	int err = open_side(copy, file, TO, flags, 0);

	if (!err)
		err = copy->side[TO].fs->fstat(file->fd[TO], &to);
	if (!err && is_same(copy, from, &to))
		return -EUCLEAN;
	return err || !to.size ? err : copy->side[TO].fs->truncate(file->fd[TO], 0);
}

/* Most targets are new, and then there is nothing to look at: one exchange less. */
static int open_target(struct copy *copy, struct copy_file *file, const struct usrbio_stat *from)
{
	int flags = copy->config.verify ? O_RDWR : O_WRONLY;
	int err = open_side(copy, file, TO, flags | O_CREAT | O_EXCL, from->mode & 07777);

	return err == -EEXIST ? reuse_target(copy, file, flags, from) : err;
}

static int open_source(struct copy *copy, struct copy_file *file, struct usrbio_stat *st)
{
	int err = open_side(copy, file, FROM, O_RDONLY, 0);

	if (!err)
		err = copy->side[FROM].fs->fstat(file->fd[FROM], st);
	if (!err && !S_ISREG(st->mode))
		err = S_ISDIR(st->mode) ? -EISDIR : -EINVAL;
	return err;
}

static bool open_file(struct copy *copy, struct copy_file *file)
{
	struct usrbio_stat from;
	enum side side = FROM;
	int err = open_source(copy, file, &from);

	if (!err) {
		side = TO;
		file->size = from.size;
		err = open_target(copy, file, &from);
	}
	if (err)
		complain(copy, file, side, err);
	return !err;
}

/* Cut the next piece off the first active file; under the lock. */
static bool cut_piece(struct copy *copy, struct piece *piece)
{
	struct copy_file *file = copy->active.first;
	uint64_t left;

	if (!file)
		return false;
	left = file->size - file->next_off;
	piece->file = file;
	piece->off = file->next_off;
	piece->len = left < copy->config.block ? left : copy->config.block;
	file->next_off += piece->len;
	file->out++;
	if (file->next_off == file->size)
		list_take(&copy->active);
	return true;
}

/* Open a fresh file, without the lock meanwhile. */
static void begin_file(struct copy *copy)
{
	struct copy_file *file = list_take(&copy->fresh);
	bool ok; /* and there is something to copy */

	copy->nr_fresh--;
	pthread_mutex_unlock(&copy->lock);
	ok = open_file(copy, file) && file->size;
	if (!ok)
		end_file(copy, file);
	pthread_mutex_lock(&copy->lock);
	if (ok) {
		list_append(&copy->active, file);
		pthread_cond_broadcast(&copy->news);
	}
}

bool copy_next(struct copy *copy, bool wait, struct piece *piece)
{
	bool found = false;

	pthread_mutex_lock(&copy->lock);
	while (!copy->broken && !(found = cut_piece(copy, piece))) {
		if (copy->fresh.first)
			begin_file(copy);
		else if (!wait || (copy->complete && !copy->unfinished))
			break;
		else
			pthread_cond_wait(&copy->news, &copy->lock);
	}
	pthread_mutex_unlock(&copy->lock);
	return found;
}

bool copy_is_check(const struct piece *piece)
{
	return piece->file->checking;
}

/* The last piece of a round is done: a second round, or the end. Under the lock; true: the end. */
static bool round_over(struct copy *copy, struct copy_file *file)
{
	if (!copy->config.verify || file->checking || file->failed)
		return true;
	file->checking = true;
	file->next_off = 0;
	list_append(&copy->active, file);
	pthread_cond_broadcast(&copy->news);
	return false;
}

void copy_piece_done(struct copy *copy, const struct piece *piece, int err, enum side side)
{
	struct copy_file *file = piece->file;
	bool over;

	if (err)
		complain(copy, file, side, err);
	else
		atomic_fetch_add(file->checking ? &copy->totals->verified : &copy->totals->bytes,
				 piece->len);
	pthread_mutex_lock(&copy->lock);
	if (file->failed && file->next_off < file->size) { /* the rest would be for nothing */
		list_remove(&copy->active, file);
		file->next_off = file->size;
	}
	over = !--file->out && file->next_off == file->size && round_over(copy, file);
	pthread_mutex_unlock(&copy->lock);
	if (over)
		end_file(copy, file);
}

void copy_add_times(struct copy *copy, const struct histogram *times)
{
	pthread_mutex_lock(&copy->lock);
	histogram_merge(&copy->totals->times, times);
	pthread_mutex_unlock(&copy->lock);
}

void copy_break(struct copy *copy)
{
	pthread_mutex_lock(&copy->lock);
	copy->broken = true;
	pthread_cond_broadcast(&copy->news);
	pthread_mutex_unlock(&copy->lock);
}
