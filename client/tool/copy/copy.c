/*
 * The queues of a copy between the walker, the workers and the lanes. A file is in one of them, or
 * a worker has it, or its pieces are under way; copy_route decides where it belongs next. This
 * module starts the threads of copy_lane.c and copy_worker.c, which take their work from it and
 * report to it: one object in three modules. The command owns the copy. Any thread uses it, under
 * copy->lock.
 */
#include "client/tool/copy/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "client/tool/fs/extents.h"
#include "client/tool/base/tool.h"
#include "common/host/group.h"

#define BLOCK_MIN   65536u /* blocks are not made smaller for want of memory */
#define FRESH_MAX   8192   /* files in the queue to be opened */
#define SPARE_TRIES 100	   /* pauses of 20 ms in which the walker waits for a descriptor */
/*
 * The walker closes idle directories at most so many times in a row: the next try may open the same
 * ones again.
 */
#define SHRINKS_MAX 8

static void init_queues(struct copy *copy)
{
	list_init(&copy->fresh);
	list_init(&copy->active);
	list_init(&copy->seeking);
	list_init(&copy->over);
	list_init(&copy->open);
	list_init(&copy->later);
	pthread_mutex_init(&copy->lock, NULL);
	pthread_cond_init(&copy->pieces, NULL);
	pthread_cond_init(&copy->work, NULL);
	pthread_cond_init(&copy->room, NULL);
}

/* Use at most half of the memory that the control groups of this process leave. */
static void fit_memory(struct copy_config *config)
{
	struct group_memory memory;
	uint64_t buffers = copy_reads_target(config) ? 2 : 1;

	group_memory("", &memory);
	while (config->block * config->depth * config->lanes > memory.left.value / 2 / buffers)
		if (config->depth > 1)
			config->depth /= 2;
		else if (config->lanes > 1)
			config->lanes /= 2;
		else if (config->block > BLOCK_MIN)
			config->block = BLOCK_MIN;
		else
			return;
}

int copy_start(struct copy *copy, struct run *run, const struct copy_config *wanted,
	       const struct endpoint *from, const struct endpoint *to)
{
	struct copy_config *config = &copy->config;
	unsigned ahead;
	int err = 0;

	*copy = (struct copy){.run = run, .config = *wanted, .side = {*from, *to}};
	fit_memory(config);
	ahead = 2 * config->lanes * config->depth;
	init_queues(copy);
	copy->max_open = ahead < run->max_files ? ahead : run->max_files;
	copy->lane = calloc(config->lanes, sizeof(*copy->lane));
	copy->worker = calloc(WORKERS_MAX, sizeof(*copy->worker));
	if (!copy->lane || !copy->worker)
		err = -ENOMEM;
	copy->lanes_alive = config->lanes;
	while (!err && copy->nr_lanes < config->lanes) {
		err = -pthread_create(&copy->lane[copy->nr_lanes], NULL, copy_lane_run, copy);
		copy->nr_lanes += !err;
	}
	pthread_mutex_lock(&copy->lock);
	copy->lanes_alive -= config->lanes - copy->nr_lanes; /* fewer lanes are no error */
	if (copy->nr_lanes)
		copy_want_worker(copy);
	if (copy->nr_workers)
		err = 0;
	else if (!err)
		err = -EAGAIN;
	pthread_mutex_unlock(&copy->lock);
	if (err)
		copy_finish(copy);
	return err;
}

void copy_add(struct copy *copy, struct copy_file *file)
{
	atomic_fetch_add(&copy->run->totals.files_found, 1);
	pthread_mutex_lock(&copy->lock);
	while (copy->nr_fresh >= FRESH_MAX && !copy->run->stopped)
		pthread_cond_wait(&copy->room, &copy->lock);
	list_add_tail(&copy->fresh, &file->link);
	copy->nr_fresh++;
	copy->unfinished++;
	copy_want_worker(copy);
	pthread_mutex_unlock(&copy->lock);
}

/* End the files that are left when the threads have ended, because the run was stopped. */
static void drop_queued(struct copy *copy)
{
	while (!list_empty(&copy->fresh)) {
		struct copy_file *file = container_of(copy->fresh.next, struct copy_file, link);

		list_del(&file->link);
		run_add_missing(copy->run, copy_file_path(file, FROM));
		copy_file_free(file);
	}
	/* A file is still open if its lane broke down with pieces under way. */
	while (!list_empty(&copy->open))
		copy_file_end(copy, container_of(copy->open.next, struct copy_file, open));
}

void copy_finish(struct copy *copy)
{
	pthread_mutex_lock(&copy->lock);
	copy->complete = true;
	pthread_cond_broadcast(&copy->pieces);
	copy_wake_workers(copy);
	pthread_mutex_unlock(&copy->lock);
	for (unsigned i = 0; i < copy->nr_lanes; i++)
		pthread_join(copy->lane[i], NULL);
	for (unsigned i = 0; i < copy->nr_workers; i++) /* no lane is left to start one more */
		pthread_join(copy->worker[i], NULL);
	drop_queued(copy);
	names_finish(copy);
	pthread_cond_destroy(&copy->room);
	pthread_cond_destroy(&copy->work);
	pthread_cond_destroy(&copy->pieces);
	pthread_mutex_destroy(&copy->lock);
	free(copy->worker);
	free(copy->lane);
}

/* The caller holds the lock. */
static void stop(struct copy *copy)
{
	copy->run->stopped = true;
	list_for_each (it, &copy->open)
		copy_route(copy, container_of(it, struct copy_file, open));
	pthread_cond_broadcast(&copy->room);
	pthread_cond_broadcast(&copy->pieces);
	copy_wake_workers(copy);
}

void copy_stop(struct copy *copy)
{
	pthread_mutex_lock(&copy->lock);
	stop(copy);
	pthread_mutex_unlock(&copy->lock);
}

bool copy_lane_lost(struct copy *copy)
{
	bool last;

	pthread_mutex_lock(&copy->lock);
	last = !--copy->lanes_alive;
	if (last)
		stop(copy);
	pthread_mutex_unlock(&copy->lock);
	return last;
}

static void pause_ms(long ms)
{
	struct timespec ts = {.tv_nsec = ms * 1000000};

	nanosleep(&ts, NULL);
}

bool copy_spare_descriptors(struct copy *copy)
{
	bool shrunk = dirs_shrink(&copy->run->dirs), waited = false;

	if (shrunk && copy->shrinks++ < SHRINKS_MAX)
		return true;
	pthread_mutex_lock(&copy->lock);
	if (copy->nr_open && !copy->run->stopped) {
		unsigned before = copy->nr_open;

		copy->max_open = before > 1 ? before - 1 : 1;
		while (copy->nr_open >= before && !copy->run->stopped)
			pthread_cond_wait(&copy->room, &copy->lock);
		waited = true;
	}
	pthread_mutex_unlock(&copy->lock);
	for (int i = 0; !waited && !shrunk && i < SPARE_TRIES; i++) {
		pause_ms(20);
		waited = dirs_shrink(&copy->run->dirs);
	}
	if (waited)
		copy->shrinks = 0;
	return waited && !copy->run->stopped;
}

/* True if no piece of the file is under way, and none will be. The caller holds the lock. */
static bool is_over(const struct copy *copy, const struct copy_file *file)
{
	bool more = file->extents && !file->checking && !extents_complete(file->extents);

	return !file->out && (copy->run->stopped || file->failed || !more);
}

void copy_route(struct copy *copy, struct copy_file *file)
{
	bool go_on = !copy->run->stopped && !file->failed;

	if (file->busy)
		return;
	list_del(&file->link);
	if (go_on && piece_can_cut(file)) {
		list_add_tail(&copy->active, &file->link);
		pthread_cond_signal(&copy->pieces);
	} else if (go_on && !file->checking && extents_wanted(file->extents)) {
		list_add_tail(&copy->seeking, &file->link);
		copy_want_worker(copy);
	} else if (is_over(copy, file)) {
		list_add_tail(&copy->over, &file->link);
		copy_want_worker(copy);
	}
}

bool copy_next(struct copy *copy, bool wait, struct piece *piece)
{
	bool found = false;

	pthread_mutex_lock(&copy->lock);
	while (list_empty(&copy->active)) {
		if (!wait || (copy->complete && !copy->unfinished) ||
		    (copy->run->stopped && !copy->nr_open))
			break;
		pthread_cond_wait(&copy->pieces, &copy->lock);
	}
	if (!list_empty(&copy->active)) {
		struct copy_file *file = container_of(copy->active.next, struct copy_file, link);

		piece_cut(file, &copy->config, piece);
		if (!piece_can_cut(file))
			copy_route(copy, file);
		found = true;
	}
	pthread_mutex_unlock(&copy->lock);
	return found;
}

void copy_piece_done(struct copy *copy, const struct piece *piece, int err, enum side side)
{
	struct copy_totals *totals = &copy->run->totals;

	bool differs = err == ERR_DIFFERS && piece->file->comparing;

	if (err && !differs)
		copy_file_failed(copy, piece->file, side, err);
	else if (!err)
		atomic_fetch_add(piece->check ? &totals->verified : &totals->bytes, piece->got);
	pthread_mutex_lock(&copy->lock);
	piece_account(piece->file, piece);
	piece->file->differs |= differs;
	copy_route(copy, piece->file);
	pthread_mutex_unlock(&copy->lock);
}

void copy_add_times(struct copy *copy, const struct histogram *times)
{
	pthread_mutex_lock(&copy->lock);
	histogram_merge(&copy->run->totals.times, times);
	pthread_mutex_unlock(&copy->lock);
}
