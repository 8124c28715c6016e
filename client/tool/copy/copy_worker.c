/*
 * Workers: threads that make the calls about files that wait for an answer: opening, finding holes,
 * syncing, renaming. A worker is started when there is work and none is idle, up to WORKERS_MAX.
 * The copy owns them; they take files from its queues under copy->lock, and work on a file without
 * it.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "client/tool/copy/copy.h"
#include "client/tool/fs/extents.h"
#include "client/tool/base/tool.h"

#define OPEN_TRIES    100      /* attempts to open a file while no other file is open */
#define OPEN_PAUSE_NS 20000000 /* 20 ms, after each of them */

/* Take the first file of a list. The caller holds the lock. NULL: the list is empty. */
static struct copy_file *take(struct list *list)
{
	struct copy_file *file;

	if (list_empty(list))
		return NULL;
	file = container_of(list->next, struct copy_file, link);
	list_del(&file->link);
	file->busy = true;
	return file;
}

/* Make a file the first of the queue again: it waited the longest. The caller holds the lock. */
static void put_back(struct copy *copy, struct copy_file *file)
{
	file->busy = false;
	list_del(&file->open);
	copy->nr_open--;
	list_add_tail(copy->fresh.next, &file->link); /* that is before the first file */
	copy->nr_fresh++;
	pthread_cond_broadcast(&copy->room);
}

/*
 * Handle that there is no descriptor for this file: put it back, to be opened when another file has
 * been closed, and allow fewer open files from now on. False: no other file was open for OPEN_TRIES
 * attempts.
 */
static bool open_later(struct copy *copy, struct copy_file *file)
{
	struct timespec pause = {.tv_nsec = OPEN_PAUSE_NS};
	bool alone, shrunk = dirs_shrink(&copy->run->dirs);

	pthread_mutex_lock(&copy->lock);
	alone = copy->nr_open == 1;
	copy->max_open = alone ? 1 : copy->nr_open - 1;
	if (alone && !shrunk && ++file->tries > OPEN_TRIES) {
		pthread_mutex_unlock(&copy->lock);
		return false;
	}
	put_back(copy, file);
	pthread_mutex_unlock(&copy->lock);
	if (alone && !shrunk)
		nanosleep(&pause, NULL);
	return true;
}

/* End the work on a file, and let copy_route decide where it belongs next. */
static void route(struct copy *copy, struct copy_file *file)
{
	pthread_mutex_lock(&copy->lock);
	file->busy = false;
	copy_route(copy, file);
	pthread_mutex_unlock(&copy->lock);
}

static void open_file(struct copy *copy, struct copy_file *file)
{
	enum side side = FROM;
	int err = copy_file_open(copy, file, &side);

	if ((err == -EMFILE || err == -ENFILE) && open_later(copy, file))
		return;
	if (err)
		copy_file_failed(copy, file, side, err);
	route(copy, file);
}

static void find_extents(struct copy *copy, struct copy_file *file)
{
	int err = extents_fill(file->extents, copy->side[FROM].fs, file->fd[FROM]);

	if (err)
		copy_file_failed(copy, file, FROM, err);
	pthread_mutex_lock(&copy->lock);
	if (!err && file->extents->complete && file->extents->size < file->end)
		file->end = file->extents->size;
	file->busy = false;
	copy_route(copy, file);
	pthread_mutex_unlock(&copy->lock);
}

/*
 * Handle that a target was compared with its source: copy the file, or end it if both are equal.
 */
static void decide(struct copy *copy, struct copy_file *file)
{
	bool differs = file->differs;

	file->comparing = file->checking = file->differs = false;
	file->compared = true;
	if (!differs) {
		file->kind = KIND_KEPT;
		copy_file_end(copy, file);
		return;
	}
	copy_file_close(copy, file, FROM);
	copy_file_close(copy, file, TO);
	file->next_off = 0;
	file->end = UINT64_MAX;
	pthread_mutex_lock(&copy->lock);
	put_back(copy, file);
	copy_want_worker(copy);
	pthread_mutex_unlock(&copy->lock);
}

/*
 * Handle the end of a round: begin the second one, in which the file is checked, or end the file.
 */
static void go_on(struct copy *copy, struct copy_file *file)
{
	bool first = !file->failed && !file->checking && !copy->run->stopped;
	int err = first ? copy_file_cut(copy, file) : 0;

	if (file->comparing && !file->failed && !copy->run->stopped) {
		decide(copy, file);
		return;
	}
	if (err)
		copy_file_failed(copy, file, TO, err);
	if (err || !first || !copy->config.verify) {
		copy_file_end(copy, file);
		return;
	}
	file->checking = true; /* without the lock: this worker has the file alone */
	file->next_off = 0;
	route(copy, file);
}

/* Take the next file to be opened, if one more may be open. The caller holds the lock. */
static struct copy_file *take_fresh(struct copy *copy)
{
	struct copy_file *file;

	if (copy->nr_open >= copy->max_open || copy->run->stopped)
		return NULL;
	file = take(&copy->fresh);
	if (!file)
		return NULL;
	copy->nr_fresh--;
	copy->nr_open++;
	list_add_tail(&copy->open, &file->open);
	pthread_cond_broadcast(&copy->room);
	return file;
}

/* Do one thing for one file; the lock is released meanwhile. False: there is nothing to do. */
static bool work(struct copy *copy)
{
	void (*what)(struct copy *, struct copy_file *) = go_on;
	struct copy_file *file = take(&copy->over);

	if (!file && (file = take(&copy->seeking)))
		what = find_extents;
	if (!file && (file = take_fresh(copy)))
		what = open_file;
	if (!file)
		return false;
	pthread_mutex_unlock(&copy->lock);
	what(copy, file);
	pthread_mutex_lock(&copy->lock);
	return true;
}

static bool all_done(const struct copy *copy)
{
	return copy->complete && (!copy->unfinished || (copy->run->stopped && !copy->nr_open));
}

static void *run(void *arg)
{
	struct copy *copy = arg;

	pthread_mutex_lock(&copy->lock);
	while (!all_done(copy)) {
		if (work(copy))
			continue;
		copy->nr_idle++; /* who wakes workers subtracts them */
		pthread_cond_wait(&copy->work, &copy->lock);
	}
	pthread_mutex_unlock(&copy->lock);
	return NULL;
}

void copy_want_worker(struct copy *copy)
{
	if (copy->nr_idle) {
		copy->nr_idle--;
		pthread_cond_signal(&copy->work);
		return;
	}
	if (copy->nr_workers < WORKERS_MAX &&
	    !pthread_create(&copy->worker[copy->nr_workers], NULL, run, copy))
		copy->nr_workers++;
}
