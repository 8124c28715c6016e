/*
 * Copying many files at once. The walker (one thread) adds files; lanes (threads with rings of
 * their own) take pieces of them, blocks of at most config.block bytes, and keep many in flight.
 * Small files are in flight together; a big one is spread over all lanes.
 *
 * copy.c: the queue and its files. copy_lane.c: a lane and its pieces. mover.c: how a lane moves
 * bytes. walk.c: what there is to copy.
 */
#ifndef USRBIO_TOOL_COPY_H
#define USRBIO_TOOL_COPY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/tool/fs.h"
#include "client/tool/histogram.h"

struct copy_config {
	uint64_t block; /* bytes of a piece, at most */
	unsigned depth; /* pieces in flight per lane */
	unsigned lanes;
	bool verify; /* read both again and compare */
};

/* One file. Its lists and counts are under copy.lock; the rest is set before it is active. */
struct copy_file {
	struct copy_file *next;
	char *from, *to;
	int fd[2]; /* FROM, TO */
	uint64_t size;
	uint64_t next_off;     /* where the next piece begins */
	unsigned out;	       /* pieces under way */
	bool checking, failed; /* in its second round; something was reported */
};

enum side { FROM, TO };

struct copy_totals {
	_Atomic uint64_t files, bytes; /* done */
	_Atomic uint64_t verified;     /* bytes */
	_Atomic uint64_t files_found;
	_Atomic uint64_t failed;
	struct histogram times; /* ns, of the rings' I/Os; complete after copy_finish */
};

struct file_list {
	struct copy_file *first, **end;
};

struct copy {
	struct copy_config config;
	struct endpoint side[2];
	struct copy_totals *totals;
	pthread_t *thread; /* config.lanes of them */
	unsigned started;

	pthread_mutex_t lock; /* all below */
	pthread_cond_t news;
	struct file_list fresh;	 /* nobody opened them yet */
	struct file_list active; /* open, with pieces left */
	unsigned nr_fresh;
	uint64_t unfinished; /* files added and not over */
	bool complete;	     /* no more will be added */
	bool broken;	     /* a lane cannot go on: all stop */
};

/* A block of a file on its way. */
struct piece {
	struct copy_file *file;
	uint64_t off, len;
};

/* Start the lanes between two sides. 0 or -errno. */
int copy_start(struct copy *copy, const struct copy_config *config, const struct endpoint *from,
	       const struct endpoint *to, struct copy_totals *totals);
/* Add a file; takes over both strings. Waits while too many are queued. */
void copy_add(struct copy *copy, char *from, char *to);
/* Wait until everything added is over. */
void copy_finish(struct copy *copy);

/* For lanes. A piece to do, or false: none now, and with `wait`: none ever again. */
bool copy_next(struct copy *copy, bool wait, struct piece *piece);
/* A piece is over; err is 0 or -errno, said once per file as `what` of one of its names. */
void copy_piece_done(struct copy *copy, const struct piece *piece, int err, enum side side);
/* What a lane measured, at its end. */
void copy_add_times(struct copy *copy, const struct histogram *times);
/* A lane cannot go on. */
void copy_break(struct copy *copy);
/* Is this piece one of the second round? */
bool copy_is_check(const struct piece *piece);

/* copy_lane.c: a lane's thread; arg is the copy. */
void *copy_lane_run(void *arg);

#endif
