/*
 * An open file of a session. The session's table has a reference to it, and so has every I/O and
 * call that uses it.
 */
#ifndef USRBIO_SERVER_SESSION_FILE_H
#define USRBIO_SERVER_SESSION_FILE_H

#include <stdatomic.h>

#include "server/base/job_threads.h"

struct budget;
struct store_file;

/*
 * The bytes that an open file takes: its struct, those of its store with the inode's barrier, and
 * the overhead of malloc.
 */
#define FILE_BYTES 640

struct server_file {
	struct store_file *store_file;
	atomic_uint nr_stuck;	    /* pieces of I/O that hang; see server/io/segment.h */
	struct job_threads *closes; /* the threads that close it */
	struct budget *budget;	    /* gets FILE_BYTES back when the file is closed */
	atomic_uint refs;
	struct job close;
};

/*
 * Make a file with one reference, which the caller owns. The file takes over store_file and
 * FILE_BYTES of the budget. NULL: there is no memory, and nothing is taken over.
 */
struct server_file *file_new(struct store_file *store_file, struct job_threads *closes,
			     struct budget *budget);
/*
 * Take or drop n references. Any thread. When the last one is dropped, a job thread closes the
 * file, because closing may block.
 */
void file_ref(struct server_file *file, unsigned n);
void file_unref(struct server_file *file, unsigned n);

#endif
