/*
 * Workers: threads for all calls about files that wait for an answer: opening, looking for holes,
 * syncing, renaming. As many as there is work for, up to WORKERS_MAX.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "client/tool/copy/copy.h"
#include "client/tool/copy/extents.h"
#include "client/tool/base/tool.h"

#define OPEN_TRIES    100 /* of 20 ms, while no other file is open */
#define OPEN_PAUSE_NS 20000000

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

/* Back to the queue; under the lock. Its place is the first again: it waited the longest. */
static void put_back(struct copy *copy, struct copy_file *file)
{
	file->busy = false;
	list_del(&file->open);
	copy->nr_open--;
	list_add_tail(copy->fresh.next, &file->link); /* in front of the first */
	copy->nr_fresh++;
	pthread_cond_broadcast(&copy->room);
}

/*
 * There are no descriptors for this file: it is opened later, when one of the others is closed, and
 * fewer are open from now on. False: there was no other for a long time.
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

/* Say where the file goes next. */
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

/* A round is over; the second one begins, or it is the end. */
static void go_on(struct copy *copy, struct copy_file *file)
{
	bool first = !file->failed && !file->checking && !copy->run->stopped;
	int err = first ? copy_file_cut(copy, file) : 0;

	if (err)
		copy_file_failed(copy, file, TO, err);
	if (err || !first || !copy->config.verify) {
		copy_file_end(copy, file);
		return;
	}
	file->checking = true; /* nobody else has it */
	file->next_off = 0;
	route(copy, file);
}

/* Under the lock: open the next file, if one more may be open. */
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

/* Do one thing; without the lock meanwhile. False: there is nothing to do. */
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
		copy->nr_idle++; /* who wakes it takes it out */
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
