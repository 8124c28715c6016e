/* An open file of a session: counted by the session's table and by every I/O and call using it. */
#ifndef USRBIO_SERVER_SESSION_FILE_H
#define USRBIO_SERVER_SESSION_FILE_H

#include <stdatomic.h>

#include "server/base/job_threads.h"

struct budget;
struct store_file;

/* What an open file takes: it, what its store knows of it, and malloc's part. */
#define FILE_BYTES 512

struct server_file {
	struct store_file *store_file;
	struct job_threads *pool; /* where it is closed */
	struct budget *budget;	  /* where FILE_BYTES are given back then */
	atomic_uint refs;
	struct job close;
};

/*
 * Takes over store_file and FILE_BYTES of the budget; one reference, the caller's. NULL: no memory,
 * nothing taken.
 */
struct server_file *file_new(struct store_file *store_file, struct job_threads *pool,
			     struct budget *budget);
/* Any thread, n references at once. The last unref closes it, on the pool: closing may block. */
void file_ref(struct server_file *file, unsigned n);
void file_unref(struct server_file *file, unsigned n);

#endif
