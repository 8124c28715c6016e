/*
 * The progress line. Its thread reads the totals and draws the line five times per second, until it
 * is stopped. The command owns it.
 */
#include "client/tool/run/progress.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "client/tool/base/show.h"
#include "client/tool/base/tool.h"
#include "common/base/clock.h"

#define PERIOD_NS 200000000L /* 200 ms */

struct progress {
	const struct copy_totals *totals;
	uint64_t begin_ns;
	pthread_t thread;
	pthread_mutex_t lock; /* guards stop */
	pthread_cond_t stopped;
	bool stop;
};

/* Format what is left, if that is known: ", about 12 s left", else "". Returns text. */
static const char *time_left(const struct copy_totals *totals, double bytes, double seconds,
			     char text[32])
{
	double opened = (double)totals->files_opened, all, left;

	*text = '\0';
	if (!totals->walked || opened < 1 || bytes < 1)
		return text;
	all = (double)totals->bytes_found;
	left = (double)(totals->files_found - totals->kept) - opened; /* files not opened yet */
	if (left > 0)
		all += all / opened * left;
	if (all > bytes)
		snprintf(text, 32, ", about %.0f s left", (all - bytes) / bytes * seconds + 0.5);
	return text;
}

static void draw(const struct progress *progress)
{
	const struct copy_totals *totals = progress->totals;
	double bytes = (double)(totals->bytes + totals->verified);
	char size[24], rate[24], left[32];
	double seconds = (double)(now_ns() - progress->begin_ns) / 1e9;

	fprintf(stderr, "\r\033[K%llu of %llu files, %s, %s/s%s%s",
		(unsigned long long)(totals->files + totals->kept + totals->links + totals->names),
		(unsigned long long)totals->files_found, show_bytes(bytes, size),
		show_bytes(bytes / seconds, rate),
		time_left(totals, (double)totals->bytes, seconds, left),
		totals->failed ? ", with errors" : "");
	speak_over_line(true);
}

static void next_period(struct timespec *ts)
{
	clock_gettime(CLOCK_MONOTONIC, ts);
	ts->tv_nsec += PERIOD_NS;
	if (ts->tv_nsec >= 1000000000L) {
		ts->tv_nsec -= 1000000000L;
		ts->tv_sec++;
	}
}

static void *run(void *arg)
{
	struct progress *progress = arg;

	pthread_mutex_lock(&progress->lock);
	while (!progress->stop) {
		struct timespec until;

		next_period(&until);
		if (pthread_cond_timedwait(&progress->stopped, &progress->lock, &until))
			draw(progress);
	}
	pthread_mutex_unlock(&progress->lock);
	return NULL;
}

struct progress *progress_start(const struct copy_totals *totals)
{
	struct progress *progress = isatty(STDERR_FILENO) ? calloc(1, sizeof(*progress)) : NULL;
	pthread_condattr_t attr;

	if (!progress)
		return NULL;
	progress->totals = totals;
	progress->begin_ns = now_ns();
	pthread_mutex_init(&progress->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&progress->stopped, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&progress->thread, NULL, run, progress)) {
		free(progress);
		return NULL;
	}
	return progress;
}

void progress_stop(struct progress *progress)
{
	if (!progress)
		return;
	pthread_mutex_lock(&progress->lock);
	progress->stop = true;
	pthread_cond_signal(&progress->stopped);
	pthread_mutex_unlock(&progress->lock);
	pthread_join(progress->thread, NULL);
	speak_over_line(false);
	fprintf(stderr, "\r\033[K");
	free(progress);
}
