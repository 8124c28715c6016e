/*
 * A load of I/O on files, and its figures. cmd_bench.c sets the load up and reports the figures;
 * bench_files.c opens the files; bench_run.c starts the threads and measures; bench_lane.c is one
 * thread; bench_own.c makes the objects that each I/O has of its own.
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

/* The objects that are made for each I/O and destroyed after it. */
enum bench_own {
	OWN_NOTHING,
	OWN_RING,
	OWN_IOV,  /* an iov and a ring */
	OWN_WRAP, /* memory that exists is wrapped */
	OWN_FILE, /* a descriptor is opened, registered and closed */
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
	uint64_t block;	    /* bytes of an I/O */
	uint64_t nr_blocks; /* blocks of each file */
	uint64_t iov_size;  /* for OWN_IOV: bytes of an iov, at least a block */
	unsigned depth;	    /* per ring; 1 for OWN_RING and OWN_IOV */
	unsigned rings;	    /* per thread */
	uint64_t end_ns;    /* when to stop, CLOCK_MONOTONIC */
	uint64_t limit;	    /* stop after so many I/Os, too; 0: no limit */
};

/* The state that the threads of one run share. */
struct bench_run {
	const struct bench_config *config;
	pthread_barrier_t meet; /* the lanes and the main thread meet four times: lanes are ready;
				   begin; all are done; clean up */
	_Atomic uint64_t next;	/* I/Os begun; of a sequential run the next block */
};

struct bench_ring {
	struct hf3fs_ior ior;
	unsigned under_way; /* I/Os */
};

/* An I/O under way, and the objects that it uses: its own ones or the lane's. */
struct bench_io {
	uint64_t begin_ns;
	uint8_t *buf;
	const struct hf3fs_iov *iov; /* buf is in its memory */
	const struct bench_file *file;
	int fd;
	struct hf3fs_iov own_iov;
};

/* Open and register a file: the descriptor or -errno. bench_file_close accepts fd < 0. */
int bench_file_open(const char *path, int flags);
void bench_file_close(int fd);
/*
 * Open `path`, or as many files PATH.0, PATH.1 and so on as `numbered` says, if it is not 0. 0;
 * -errno: the error was reported, and no file is open.
 */
int bench_files_open(struct bench_config *config, const char *path, unsigned numbered, int flags);
/* Get the size of the smallest file in bytes. 0 or -errno. */
int bench_files_size(const struct bench_config *config, uint64_t *size);
int bench_files_truncate(const struct bench_config *config, uint64_t size);
void bench_files_close(struct bench_config *config);

/* Make the own objects of an I/O; if it has its own ring, in `ring`. 0; -errno: none was made. */
int bench_own(const struct bench_config *config, struct bench_ring *ring, struct bench_io *io);
/* Destroy these objects, if there are any. */
void bench_disown(const struct bench_config *config, struct bench_ring *ring, struct bench_io *io);

struct bench_lane {
	struct bench_run *run;
	pthread_t thread;
	uint64_t random;	/* state of the generator, not 0 */
	int err;		/* -errno of the error that ended the lane, or 0 */
	struct histogram times; /* latencies, ns */
};

/* The figures of a run, without its preparation and its end. */
struct bench_figures {
	struct histogram times;
	struct usrbio_counters counters;
	double begin_s; /* when the run began: seconds of CLOCK_MONOTONIC */
	double seconds; /* how long it took */
	double cpu_us;	/* CPU time of the process, in microseconds */
};

/*
 * Run the load for `ns` nanoseconds with `n` threads. 0, or -errno of the first thread that failed.
 */
int bench_run(struct bench_config *config, unsigned n, uint64_t ns, struct bench_figures *figures);

/* The function of a lane's thread; arg is the struct bench_lane. */
void *bench_lane_run(void *arg);

#endif
