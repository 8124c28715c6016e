/*
 * Copying many files at once. The walker (one thread) adds files. Workers (threads) open them,
 * look for their holes, and give them their names at the end: all calls that wait for an answer.
 * Lanes (threads with rings of their own) take pieces of open files, blocks of at most
 * config.block bytes, and keep many in flight. Small files are in flight together; a big one is
 * spread over all lanes.
 *
 * copy.c: the queues. copy_worker.c: workers. copy_lane.c: a lane. pieces.c: how a file is cut.
 * copy_file.c: a file is opened and ends. commit.c: it gets its name. extents.c: holes.
 * mover.c: how a lane moves bytes. walk.c: what there is to copy.
 */
#ifndef USRBIO_TOOL_COPY_H
#define USRBIO_TOOL_COPY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "client/tool/base/temp_name.h"
#include "client/tool/ledger/mark.h"
#include "client/tool/copy/run.h"

enum side { FROM, TO };

#define WORKERS_MAX 16

struct copy {
	struct run *run;
	struct copy_config config; /* the run's, and no more lanes and memory than it can use */
	struct endpoint side[2];
	pthread_t *lane; /* config.lanes of them */
	unsigned nr_lanes;
	pthread_t *worker;
	struct mark mark;     /* the walker's: in the directory that its tree goes into */
	const char *top_name; /* and the name of the tree there; NULL: all of it goes there */
	unsigned shrinks; /* the walker's: how often in a row it closed directories and no more */

	pthread_mutex_t lock; /* all below */
	pthread_cond_t pieces, work, room;
	struct list fresh;   /* files nobody opened yet */
	struct list active;  /* open, with pieces to take */
	struct list seeking; /* open, to be looked through for data */
	struct list over;    /* open, with nothing under way or left to do */
	struct list open;    /* all that are open */
	unsigned nr_fresh, nr_open, max_open;
	unsigned nr_workers, nr_idle;
	unsigned lanes_alive; /* running, or about to */
	uint64_t unfinished;  /* files added and not ended */
	bool complete;	      /* no more will be added */
};

/* What a file is made from and where it goes, until it ends. */
struct copy_file {
	struct list link; /* in fresh, active, seeking, over, or none of them */
	struct list open;

	struct dir *from_dir; /* NULL: `from` is a path, as the user named it */
	struct dir *to_dir;   /* NULL: `to` is one, written in place */
	char *from, *to;
	bool by_link; /* `from` is a link in a source; what it leads to is copied */

	/* Set before it is active. */
	int fd[2]; /* FROM, TO */
	struct usrbio_id source;
	mode_t mode;
	char temp[TEMP_NAME_SIZE]; /* the target's name until it is whole; "": it has none */
	bool stream;		   /* the target takes bytes in order only */

	/* Under copy.lock. */
	uint64_t size;	   /* of the source, as far as is known; it may have more, or less */
	uint64_t next_off; /* where the next piece begins */
	uint64_t end;	   /* the lowest end of the source that was met; UINT64_MAX: none yet */
	uint64_t written;  /* behind the last byte written */
	uint64_t probe;	   /* how much to ask for behind the expected end */
	struct extents *extents; /* NULL: everything is data */
	unsigned out;		 /* pieces under way */
	bool checking;		 /* in its second round */
	bool failed;		 /* something was reported */
	bool busy;		 /* with a worker */
	unsigned tries;		 /* to open it with no other file open, for want of descriptors */
};

/* A block of a file on its way. */
struct piece {
	struct copy_file *file;
	uint64_t off, len;
	uint64_t size; /* where the source is expected to end; short reads elsewhere are tried on */
	uint64_t got;  /* bytes read */
	bool check;    /* compare source and target */
};

/* Start the lanes between two sides. 0 or -errno. */
int copy_start(struct copy *copy, struct run *run, const struct copy_config *config,
	       const struct endpoint *from, const struct endpoint *to);
/* Add a file; takes over it and its references. Waits while too many are queued. */
void copy_add(struct copy *copy, struct copy_file *file);
/* Wait until everything added is over. */
void copy_finish(struct copy *copy);
/* The run was stopped: end what is under way, begin nothing. From another thread. */
void copy_stop(struct copy *copy);
/* There are no descriptors for the walker: wait until there may be. False: there will be none. */
bool copy_spare_descriptors(struct copy *copy);

struct copy_file *copy_file_new(struct dir *from_dir, const char *from, struct dir *to_dir,
				const char *to);
void copy_file_free(struct copy_file *file);
/* "FROM" or "TO" of it, for messages. Free it. */
char *copy_file_path(const struct copy_file *file, enum side side);

/* For lanes. A piece to do, or false: none now, and with `wait`: none ever again. */
bool copy_next(struct copy *copy, bool wait, struct piece *piece);
/* A piece is over; err is 0 or an error, said once per file as `side` of its names. */
void copy_piece_done(struct copy *copy, const struct piece *piece, int err, enum side side);
/* What a lane measured, at its end. */
void copy_add_times(struct copy *copy, const struct histogram *times);
/* A lane cannot go on, or could not begin. True: no other is left, and it should say why. */
bool copy_lane_lost(struct copy *copy);
/* copy_lane.c: a lane's thread; arg is the copy. */
void *copy_lane_run(void *arg);

/* copy_worker.c: under the lock; another worker if all are busy. */
void copy_want_worker(struct copy *copy);
/* Put a file where it belongs now; under the lock. */
void copy_route(struct copy *copy, struct copy_file *file);

/* pieces.c; under the lock. Can a piece be cut; cut it; account for a piece that is over. */
bool piece_can_cut(const struct copy_file *file);
void piece_cut(struct copy_file *file, const struct copy_config *config, struct piece *piece);
void piece_account(struct copy_file *file, const struct piece *piece);

/* copy_file.c: what workers do with a file; without the lock. 0 or an error. */
int copy_file_open(struct copy *copy, struct copy_file *file, enum side *side);
/* The first round is over: make the target as long as the source. */
int copy_file_cut(struct copy *copy, struct copy_file *file);
int copy_file_close(struct copy *copy, struct copy_file *file, enum side side);
/* Give it its name, or remove what there is of it; close. */
void copy_file_end(struct copy *copy, struct copy_file *file);
/* Say an error, once per file. */
void copy_file_failed(struct copy *copy, struct copy_file *file, enum side side, int err);

/* Errors beyond errno's. */
enum {
	ERR_SAME_FILE = -5000, /* source and target are one file */
	ERR_DIFFERS,	       /* they are not, after copying */
	ERR_JUST_MADE,	       /* the target was made by this run */
	ERR_IS_DIRECTORY,      /* a directory is where a file goes */
	ERR_NOT_DIRECTORY,     /* something else is where a directory goes */
	ERR_LINK_IN_TARGET,    /* a link is where a directory goes */
	ERR_SPECIAL,	       /* a device, FIFO or socket is where a file goes */
	ERR_NOT_A_FILE,	       /* of a source: neither a file nor a directory */
	ERR_LOOP,	       /* of a source: it is inside itself, by a link */
	ERR_INTO_ITSELF,       /* of a source: it is, or is inside, what is being written */
	ERR_NO_CHECK,	       /* the target cannot be read again */
};

/* commit.c: may the target be replaced, and by that name; 0 or an error. */
int commit_look(struct copy *copy, struct copy_file *file, int dir, struct usrbio_stat *there);
int commit(struct copy *copy, struct copy_file *file);

/* complain.c: write one line about an error to stderr. */
void complain(const char *from, const char *to, enum side side, int err);

#endif
