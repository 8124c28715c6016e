/*
 * One run of a benchmark: starts its threads, measures, and ends them. The lanes prepare before the
 * time begins, and clean up after it has ended. The main thread owns the run and calls this.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <usrbio.h>

#include "client/tool/bench/bench.h"
#include "client/tool/base/tool.h"
#include "common/base/clock.h"

static double cpu_us(void)
{
	struct rusage usage_now;

	getrusage(RUSAGE_SELF, &usage_now);
	return (double)(usage_now.ru_utime.tv_sec + usage_now.ru_stime.tv_sec) * 1e6 +
	       (double)(usage_now.ru_utime.tv_usec + usage_now.ru_stime.tv_usec);
}

static void subtract(struct usrbio_counters *counters, const struct usrbio_counters *before)
{
	counters->ios -= before->ios;
	counters->msgs_sent -= before->msgs_sent;
	counters->msgs_received -= before->msgs_received;
	counters->imms_received -= before->imms_received;
	counters->doorbells -= before->doorbells;
	counters->polls -= before->polls;
	counters->sleeps -= before->sleeps;
	counters->batches -= before->batches;
	counters->completions -= before->completions;
	counters->msg_bytes -= before->msg_bytes;
}

static void take_figures(const struct bench_config *config, struct bench_figures *figures)
{
	figures->seconds = (double)now_ns() / 1e9;
	figures->cpu_us = cpu_us();
	usrbio_counters(config->mount_point, &figures->counters);
}

/* Start the lanes and wait until all are done. */
static void watch(struct bench_run *run, struct bench_config *config, uint64_t ns,
		  struct bench_figures *figures)
{
	struct bench_figures before = {0};

	pthread_barrier_wait(&run->meet);
	take_figures(config, &before);
	config->end_ns = now_ns() + ns;
	pthread_barrier_wait(&run->meet);
	pthread_barrier_wait(&run->meet);
	take_figures(config, figures);
	pthread_barrier_wait(&run->meet);
	figures->begin_s = before.seconds;
	figures->seconds -= before.seconds;
	figures->cpu_us -= before.cpu_us;
	subtract(&figures->counters, &before.counters);
}

int bench_run(struct bench_config *config, unsigned n, uint64_t ns, struct bench_figures *figures)
{
	struct bench_run run = {.config = config};
	struct bench_lane *lanes = calloc(n, sizeof(*lanes));
	int err = lanes ? -pthread_barrier_init(&run.meet, NULL, n + 1) : -ENOMEM;

	for (unsigned i = 0; i < n && !err; i++) {
		lanes[i].run = &run;
		lanes[i].random = 88172645463325252ull + i * 0x9e3779b97f4a7c15ull;
		err = -pthread_create(&lanes[i].thread, NULL, bench_lane_run, &lanes[i]);
	}
	if (err) /* lanes that were started wait for the others, and cannot be ended */
		exit(fail("threads", err));
	watch(&run, config, ns, figures);
	for (unsigned i = 0; i < n; i++) {
		pthread_join(lanes[i].thread, NULL);
		err = err ? err : lanes[i].err;
		histogram_merge(&figures->times, &lanes[i].times);
	}
	pthread_barrier_destroy(&run.meet);
	free(lanes);
	return err;
}
