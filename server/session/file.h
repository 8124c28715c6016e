/* An open file of a session: counted by the session's table and by every I/O and call using it. */
#ifndef USRBIO_SERVER_SESSION_FILE_H
#define USRBIO_SERVER_SESSION_FILE_H

#include <stdatomic.h>

#include "server/base/job_threads.h"

struct budget;
struct store_file;

/*
 * The memory that an open file takes: its struct, those of its store with the inode's barrier, and
 * the overhead of malloc.
 */
#define FILE_BYTES 640

struct server_file {
	struct store_file *store_file;
	struct job_threads *pool; /* where it is closed */
	struct budget *budget;	  /* where FILE_BYTES are given back then */
	atomic_uint refs;
	struct job close;
};

/*
 * Make a file with one reference, the caller's. It takes over store_file and FILE_BYTES of the
 * budget. NULL: no memory, and nothing is taken over.
 */
struct server_file *file_new(struct store_file *store_file, struct job_threads *pool,
			     struct budget *budget);
/*
 * Take or drop n references. Any thread. The last one to be dropped closes the file on a job
 * thread, as closing may block.
 */
void file_ref(struct server_file *file, unsigned n);
void file_unref(struct server_file *file, unsigned n);

#endif
