/*
 * A copy of many files at once, from one mount or the local file system to another. Three kinds of
 * threads work on it:
 *
 *	walker	 the main thread, which finds the files and adds them;
 *	workers	 open the files, look for holes, and rename the copies at the end: all calls that
 *		 wait for an answer;
 *	lanes	 each with rings of its own, take pieces of open files, of at most config.block
 *		 bytes, and keep many of them under way. Pieces of several small files are under way
 *		 together; the pieces of a large file are spread over all lanes.
 *
 * copy.c has the queues between them, copy_worker.c the workers, copy_lane.c the lanes. pieces.c
 * cuts a file into pieces, copy_file.c opens and ends a file, commit.c renames it, and
 * mover.c moves the bytes of a lane. copy_kept.c decides whether a target stays as it
 * is, copy_link.c copies links, and names.c the further names of a file. The walker is in
 *client/tool/tree.
 *
 * An "error" in this room is -errno, an ERR_ of the list below, or FS_NOT_FOLLOWED.
 */
#ifndef USRBIO_TOOL_COPY_H
#define USRBIO_TOOL_COPY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "client/tool/base/temp_name.h"
#include "client/tool/ledger/mark.h"
#include "client/tool/run/run.h"

enum side { FROM, TO };

/* What is made in the target. */
enum copy_kind {
	KIND_FILE, /* a file with data */
	KIND_LINK, /* a symbolic link */
	KIND_NAME, /* one more name of a file that this copy makes, or has made */
	KIND_KEPT, /* nothing: the target is as it has to be */
};

#define WORKERS_MAX 16

struct copy {
	struct run *run;
	struct copy_config config; /* of the run, with fewer lanes and less memory for few files */
	struct endpoint side[2];   /* by enum side */
	pthread_t *lane;	   /* an array for config.lanes threads */
	unsigned nr_lanes;	   /* threads in it */
	pthread_t *worker;	   /* an array for WORKERS_MAX threads; nr_workers are in it */

	/* Only the walker uses these. */
	struct mark mark;     /* in the target directory of the tree */
	const char *top_name; /* the tree's name there; NULL: its contents go there directly */
	struct extra *extras; /* names that are removed from the target at the end */
	uint64_t seed[2];     /* of fingerprints of names; zero: not made yet */
	unsigned shrinks;     /* times in a row that closing idle directories was all it could do */

	pthread_mutex_t lock; /* guards all that follows */
	pthread_cond_t
		pieces;	     /* lanes wait: `active` has a file, or there is nothing to wait for */
	pthread_cond_t work; /* idle workers wait: there is work for one, or no more at all */
	pthread_cond_t room; /* the walker waits: a queue is shorter, or a file was closed */
	struct list fresh;   /* files that are to be opened */
	struct list active;  /* open files with pieces that a lane can take */
	struct list seeking; /* open files whose next extents are to be found */
	struct list over;    /* open files of which no piece is under way or left */
	struct list open;    /* all open files, by their member `open` */
	struct list later;   /* files of KIND_NAME whose first name is not complete yet */
	struct first_name **first_names; /* of sources with several names, see names.c: slots */
	size_t nr_slots, nr_first_names; /* nr_slots: a power of two, or 0 */
	unsigned nr_fresh, nr_open, max_open;
	unsigned nr_workers, nr_idle;
	unsigned lanes_alive; /* lanes that run or will start, without those that broke down */
	uint64_t unfinished;  /* files that were added and have not ended */
	bool complete;	      /* no more files will be added */
	bool finishing;	      /* the threads have ended; files put aside are ended now */
};

/*
 * A file that is copied: its source and its target. The copy owns it from copy_add until it ends; a
 * worker that works on it has it alone (busy).
 */
struct copy_file {
	struct list link; /* in fresh, active, seeking or over of the copy, or in no list */
	struct list open; /* in the copy's list of open files */

	struct dir *from_dir; /* a reference; NULL: `from` is a path that the user named */
	struct dir *to_dir;   /* a reference; NULL: `to` is a path that is written in place */
	char *from, *to;      /* names in these directories */
	bool standard;	      /* the source is standard input: bytes come in order only */
	bool by_link; /* `from` is a symbolic link in a source; the object behind it is copied */

	/* Set by the worker that opens the file, and constant while lanes use it. */
	int fd[2]; /* by enum side; -1: closed */
	struct usrbio_id source;
	mode_t mode;		  /* permissions of the source */
	struct usrbio_stat model; /* attributes of the source when it was opened */
	enum copy_kind kind;
	struct first_name *first;  /* of a source with several names; NULL: it has one */
	char temp[TEMP_NAME_SIZE]; /* name of the target until it is complete; "": it has none */
	bool stream;		   /* the target is written in place: bytes go in order only */

	/* Under copy.lock; sizes and offsets in bytes. */
	uint64_t size;	   /* expected size of the source, which may be longer or shorter */
	uint64_t next_off; /* where the next piece begins */
	uint64_t end;	   /* lowest offset at which a read found the end; UINT64_MAX: none has */
	uint64_t written;  /* the end of the last byte that was written */
	uint64_t probe;	   /* the last piece asks for at least this much */
	struct extents *extents; /* of a file with holes; NULL: all of it is copied */
	unsigned out;		 /* pieces under way */
	bool checking;		 /* a round in which source and target are compared */
	bool comparing;		 /* this round decides whether the file is copied at all */
	bool differs;		 /* it has found a difference */
	bool compared;		 /* it is over */
	bool failed;		 /* an error was reported */
	bool busy;		 /* a worker has it */
	unsigned tries;		 /* attempts to open it that failed while no other file was open */
};

/* A part of a file that a lane copies or compares. */
struct piece {
	struct copy_file *file;
	uint64_t off, len; /* bytes */
	uint64_t size;	   /* expected size of the source when the piece was cut */
	uint64_t got;	   /* bytes read so far */
	bool check;	   /* compare source and target, do not write */
};

/*
 * Start the threads of a copy from one side to the other. 0: call copy_finish later; -errno: no
 * thread is left.
 */
int copy_start(struct copy *copy, struct run *run, const struct copy_config *config,
	       const struct endpoint *from, const struct endpoint *to);
/* Add a file, which the copy owns from now on. Waits while too many are queued. The walker. */
void copy_add(struct copy *copy, struct copy_file *file);
/* Wait until all files have ended, end the threads, and free the members of the copy. */
void copy_finish(struct copy *copy);
/* Stop the run: pieces under way end, and no others begin. Any thread. */
void copy_stop(struct copy *copy);
/*
 * The walker found no free descriptor: close idle directories, or wait until a file is closed.
 * True: try again; false: there is nothing to wait for, or the run was stopped.
 */
bool copy_spare_descriptors(struct copy *copy);

/*
 * Make a file to be copied. It takes references to the directories, which may be NULL, and copies
 * the names; see struct copy_file. Ends the program if there is no memory.
 */
struct copy_file *copy_file_new(struct dir *from_dir, const char *from, struct dir *to_dir,
				const char *to);
void copy_file_free(struct copy_file *file);
/* Return the path of its source or target, for messages. The caller frees it. */
char *copy_file_path(const struct copy_file *file, enum side side);

/*
 * Take the next piece; with `wait`, wait for one. False: there is none now; with `wait`: there will
 * be none. Lanes call it.
 */
bool copy_next(struct copy *copy, bool wait, struct piece *piece);
/* Give a piece back. err is 0, or an error of that side, which is reported once for each file. */
void copy_piece_done(struct copy *copy, const struct piece *piece, int err, enum side side);
/* Add the latencies that a lane has measured, in nanoseconds. */
void copy_add_times(struct copy *copy, const struct histogram *times);
/*
 * A lane could not start, or broke down. True: it was the last one, which reports the reason; the
 * run is stopped.
 */
bool copy_lane_lost(struct copy *copy);
/* copy_lane.c: the function of a lane's thread; arg is the copy. */
void *copy_lane_run(void *arg);

/* copy_worker.c: wake a worker, or start one if none is idle. The caller holds the lock. */
void copy_want_worker(struct copy *copy);

/* Wake all workers, to see whether they are to end. The caller holds the lock. */
static inline void copy_wake_workers(struct copy *copy)
{
	copy->nr_idle = 0;
	pthread_cond_broadcast(&copy->work);
}
/* True if lanes read the target, too. */
static inline bool copy_reads_target(const struct copy_config *config)
{
	return config->verify || config->checksum;
}

/* Put a file into the list where it belongs now. The caller holds the lock. */
void copy_route(struct copy *copy, struct copy_file *file);

/*
 * pieces.c; the caller holds the lock. True if a lane can take a piece of the file now; cut that
 * piece; note the result of a piece that a lane gives back.
 */
bool piece_can_cut(const struct copy_file *file);
void piece_cut(struct copy_file *file, const struct copy_config *config, struct piece *piece);
void piece_account(struct copy_file *file, const struct piece *piece);

/*
 * copy_file.c: called by the worker that has the file, without the lock. 0 or an error. Open source
 * and target; after an error, which belongs to *side, both are closed.
 */
int copy_file_open(struct copy *copy, struct copy_file *file, enum side *side);
/* After the first round: give the target the length of the source. */
int copy_file_cut(struct copy *copy, struct copy_file *file);
/* Close one side of the file, if it is open. */
int copy_file_close(struct copy *copy, struct copy_file *file, enum side side);
/*
 * Rename the target if it is complete, else remove it; close both sides, count and free the file.
 */
void copy_file_end(struct copy *copy, struct copy_file *file);
/* Report an error of a side, once for each file. */
void copy_file_failed(struct copy *copy, struct copy_file *file, enum side side, int err);

/*
 * names.c: further names of sources that are copied. Claim a source with several names. True: this
 * is its first name, which is copied; false: it becomes a file of KIND_NAME.
 */
bool names_claim(struct copy *copy, struct copy_file *file);
/* The target of the first name is complete, or (ok false) will not be. */
void names_first_done(struct copy *copy, struct copy_file *file, bool ok);
/* Give the target of the first name one more name. 0, 1: it has it already, or an error. */
int names_make(struct copy *copy, struct copy_file *file);
/* True if the first name is not complete yet: then the file was put aside for later. */
bool names_put_aside(struct copy *copy, struct copy_file *file);
/* After all other files: end those that were put aside, and free the table. */
void names_finish(struct copy *copy);

/* copy_link.c: copy the text and attributes of a link. 0, 1: the target is equal, or an error. */
int copy_link_make(struct copy *copy, struct copy_file *file);

/*
 * copy_kept.c: find out what is made of a source, by its attributes and those of the target. 1:
 * data is copied, or compared; 0: file->kind says what is made instead; or an error of *side.
 */
int copy_kept_decide(struct copy *copy, struct copy_file *file, enum side *side);
/* Give a target that stays the attributes that it has to keep. 0 or an error. */
int copy_kept_adjust(struct copy *copy, struct copy_file *file);

/* Errors outside the range of errno. */
enum {
	ERR_SAME_FILE = -5000, /* source and target are the same file */
	ERR_DIFFERS,	       /* --verify found that source and target differ */
	ERR_JUST_MADE,	       /* this run has made the target for another source */
	ERR_IS_DIRECTORY,      /* the target is a directory, the source is a file */
	ERR_NOT_DIRECTORY,     /* the target is no directory, the source is one */
	ERR_LINK_IN_TARGET,    /* the target is a link, the source is a directory */
	ERR_SPECIAL,	       /* the target is a device, FIFO or socket */
	ERR_NOT_A_FILE,	       /* the source is neither a file nor a directory */
	ERR_LOOP,	       /* the source is a link to a directory that contains it */
	ERR_INTO_ITSELF,       /* the source is a directory that this run writes */
	ERR_NOT_REMOVED,       /* a directory in the place of the target stays; reported */
	ERR_FIRST_NAME,	       /* the first name of the file was not copied */
	ERR_NO_CHECK,	       /* the target cannot be read again for --verify */
};

/*
 * commit.c: look at the object with the target's name in `dir`, the descriptor of to_dir. 0: it may
 * be replaced, and `there` has its attributes; -ENOENT: there is none; or another error.
 */
int commit_look(struct copy *copy, struct copy_file *file, int dir, struct usrbio_stat *there);
/* commit.c: rename the complete target to its final name. 0 or an error. */
int commit(struct copy *copy, struct copy_file *file);

/* complain.c: write one line about an error of a side to stderr; from and to are paths. */
void complain(const char *from, const char *to, enum side side, int err);

#endif
