/*
 * The open files of a session by handle. A handle is 16 bits of index and 48 random bits, and is
 * never 0. The table is a part of its session. Any thread may use it.
 */
#ifndef USRBIO_SERVER_SESSION_FILE_TABLE_H
#define USRBIO_SERVER_SESSION_FILE_TABLE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/lock.h"

struct server_file;
struct share;

struct file_table {
	struct share *share; /* the session's, which the table's memory is charged to */
	struct lock lock;    /* LOCK_FILE_TABLE: guards the fields below */
	struct handle_slot *slots;
	uint32_t nr_slots, first_free; /* first_free == nr_slots: none is free */
	uint32_t nr_files, max;
};

/* Initialise a table for up to `max` files; `max` is at most FILES_MAX. */
void file_table_init(struct file_table *handles, uint32_t max, struct share *share);
/* Drop the files that are left. */
void file_table_close(struct file_table *handles);

/*
 * Give a file a handle, and take over the caller's reference. Returns 0. -EMFILE, -ENOMEM or -EIO:
 * the caller keeps the reference.
 */
int file_table_add(struct file_table *handles, struct server_file *file, uint64_t *handle);
/* Take references to n files by their handles. files[i] is NULL for an unknown handle. */
void file_table_get(struct file_table *handles, size_t n, const uint64_t *wanted,
		    struct server_file **files);
/* Remove a handle and give its reference to the caller. NULL: there is no such handle. */
struct server_file *file_table_take(struct file_table *handles, uint64_t handle);
/* The number of open files. */
uint32_t file_table_count(struct file_table *handles);

#endif
