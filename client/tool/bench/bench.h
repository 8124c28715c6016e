/*
 * A load of I/O on files, and its figures. cmd_bench.c sets it up and reports; bench_files.c opens
 * the files; bench_run.c starts the threads and counts; bench_lane.c is one thread; bench_own.c
 * makes what each I/O has of its own.
 */
#ifndef USRBIO_TOOL_BENCH_H
#define USRBIO_TOOL_BENCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <hf3fs_usrbio.h>
#include <usrbio.h>

#include "client/tool/base/histogram.h"

/* The objects that are made for each I/O, and ended after it. */
enum bench_own {
	OWN_NOTHING,
	OWN_RING,
	OWN_IOV, /* and a ring */
	OWN_WRAP,
	OWN_FILE, /* opened, registered, closed */
};

struct bench_file {
	char *path;
	int fd; /* registered */
};

struct bench_config {
	const char *mount_point;
	struct bench_file *files;
	unsigned nr_files;
	enum bench_own own;
	bool write, random;
	uint64_t block;
	uint64_t nr_blocks; /* of each file */
	uint64_t iov_size;  /* for OWN_IOV: at least a block */
	unsigned depth;	    /* per ring; 1 for OWN_RING and OWN_IOV */
	unsigned rings;	    /* per thread */
	uint64_t end_ns;    /* when to stop, CLOCK_MONOTONIC */
	uint64_t limit;	    /* or after so many I/Os; 0: none */
};

/* The state that the threads of one run share. */
struct bench_run {
	const struct bench_config *config;
	pthread_barrier_t meet; /* lanes and main thread: ready, go, done, close */
	_Atomic uint64_t next;	/* block of a sequential run, and the count of I/Os begun */
};

struct bench_ring {
	struct hf3fs_ior ior;
	unsigned under_way;
};

/* An I/O under way, and its objects: its own, or the shared ones. */
struct bench_io {
	uint64_t begin_ns;
	uint8_t *buf;
	const struct hf3fs_iov *iov; /* with buf in it */
	const struct bench_file *file;
	int fd;
	struct hf3fs_iov own_iov;
};

/* Open and register a file: the descriptor or -errno. The close accepts fd < 0. */
int bench_file_open(const char *path, int flags);
void bench_file_close(int fd);
/*
 * Do this for `path`, or for that many numbered files beside it. -errno: it has been reported, and
 * none is open.
 */
int bench_files_open(struct bench_config *config, const char *path, unsigned numbered, int flags);
/* Get the size of the smallest file. */
int bench_files_size(const struct bench_config *config, uint64_t *size);
int bench_files_truncate(const struct bench_config *config, uint64_t size);
void bench_files_close(struct bench_config *config);

/*
 * Make the objects that the I/O has of its own; its ring is the one given. -errno: nothing is made.
 */
int bench_own(const struct bench_config *config, struct bench_ring *ring, struct bench_io *io);
/* End these objects; also if there are none. */
void bench_disown(const struct bench_config *config, struct bench_ring *ring, struct bench_io *io);

struct bench_lane {
	struct bench_run *run;
	pthread_t thread;
	uint64_t random; /* state of the generator, not 0 */
	int err;	 /* what ended it early: -errno */
	struct histogram times;
};

/* The figures of a run, without preparation and cleaning up. */
struct bench_figures {
	struct histogram times;
	struct usrbio_counters counters;
	double begin_s; /* CLOCK_MONOTONIC */
	double seconds, cpu_us;
};

/* Run the load for `ns` with `n` threads. 0, or the first error of a thread. */
int bench_run(struct bench_config *config, unsigned n, uint64_t ns, struct bench_figures *figures);

/* Run a thread of the load; arg is the lane. */
void *bench_lane_run(void *arg);

#endif
