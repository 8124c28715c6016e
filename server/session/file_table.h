/*
 * The open files of a session by handle: 16 bits of index and 48 random ones, never 0. Embedded in
 * the session; any thread.
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
	struct share *share; /* what the table takes of it */
	struct lock lock;    /* LOCK_FILE_TABLE: guards what follows */
	struct handle_slot *slots;
	uint32_t nr_slots, first_free; /* first_free == nr_slots: all are taken */
	uint32_t nr_files, max;
};

/* Make a table for up to max files, at most FILES_MAX. */
void file_table_init(struct file_table *handles, uint32_t max, struct share *share);
/* Drop the files that are left. */
void file_table_close(struct file_table *handles);

/*
 * Give a file a handle and take over its reference. 0; -EMFILE, -ENOMEM: the caller keeps the
 * reference.
 */
int file_table_add(struct file_table *handles, struct server_file *file, uint64_t *handle);
/* Take references to n files by their handles, under one lock; NULL where there is none. */
void file_table_get(struct file_table *handles, size_t n, const uint64_t *wanted,
		    struct server_file **files);
/* Remove a handle and give its reference to the caller. NULL: there is no such handle. */
struct server_file *file_table_take(struct file_table *handles, uint64_t handle);
/* The number of open files. */
uint32_t file_table_count(struct file_table *handles);

#endif
