/* Loading a file with I/O and counting. cmd_bench.c sets it up and reports; bench_lane.c is one
 * thread of it. */
#ifndef USRBIO_TOOL_BENCH_H
#define USRBIO_TOOL_BENCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/tool/histogram.h"

struct bench_config {
	const char *mount_point;
	int fd; /* registered */
	bool write, random;
	uint64_t block;
	uint64_t nr_blocks; /* of the file */
	unsigned depth;	    /* per ring */
	unsigned rings;	    /* per thread */
	uint64_t end_ns;    /* when to stop, CLOCK_MONOTONIC */
	uint64_t limit;	    /* or after so many I/Os; 0: none */
};

/* What the threads of one run share. */
struct bench_run {
	const struct bench_config *config;
	_Atomic uint64_t next; /* block of a sequential run, and the count of I/Os begun */
};

struct bench_lane {
	struct bench_run *run;
	pthread_t thread;
	uint64_t random; /* state of the generator, not 0 */
	int err;	 /* what ended it early: -errno */
	struct histogram times;
};

/* arg is the lane. */
void *bench_lane_run(void *arg);

#endif
