/*
 * The exports: the names that clients ask for, and the stores behind them. They do not change from
 * start to stop.
 */
#ifndef USRBIO_SERVER_SESSION_EXPORT_H
#define USRBIO_SERVER_SESSION_EXPORT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/message.h"
#include "server/base/verifier.h"

struct job_threads;
struct store;

/* The administrator's choice for one --export. */
struct export_config {
	char name[EXPORT_NAME_MAX + 1]; /* not empty, no '/' */
	const char *where;		/* an argument of store_open() */
	const char *id;			/* stays the same when the export moves; NULL: the name */
	bool read_only;
	bool unlocked; /* other servers may export the same directory */
	bool sync;     /* writes and changes are on disk before they are acknowledged */
};

struct export
{
	char name[EXPORT_NAME_MAX + 1];
	struct store *store;
	bool read_only;
	uint64_t id;   /* of the id= of its option: a part of persistent names */
	uint64_t host; /* with dev and ino it identifies a file: host_of_export() */
	struct verifier verifier;
	unsigned index; /* in the list, and in each worker's array of queues */
	/*
	 * Threads for what may block in its file system, from exports_start to exports_stop. Those
	 * for the closing of files and sessions are apart: they must not wait for calls that hang.
	 */
	struct job_threads *calls, *closes;
	_Atomic bool hung; /* I/O of it is with the store, though the server stops; any thread */
	_Atomic bool elsewhere; /* another server has the directory: see export_wait_decide() */
};

struct exports {
	struct export *list;
	unsigned nr;
	struct state *state; /* the server owns it; NULL: none */
	pthread_t waiter;    /* from exports_start to exports_stop, if `waiting` */
	bool waiting;
	_Atomic bool stopping;
	uint64_t rings_ns; /* until when a start waits for exports of killed servers; 0: not yet */
};

/*
 * Open the stores. boot_id is the server's; the state may be NULL. Returns 0 or -errno, logged.
 * exports_close() accepts a zeroed struct.
 */
int exports_open(struct exports *exports, const struct export_config *configs, unsigned nr,
		 uint64_t boot_id, struct state *state);
void exports_close(struct exports *exports);
/* Start the threads of each export, at most nr_threads for each kind of work. 0 or -errno, logged.
 */
int exports_start(struct exports *exports, unsigned nr_threads);
/*
 * Let the threads do what is queued, and end them, by until_ns. Returns 0; or -ETIMEDOUT: a file
 * system hangs, and its threads go on to use the exports, their stores and what is queued. Then it
 * may be called again.
 */
int exports_stop(struct exports *exports, uint64_t until_ns);
/*
 * Log what exports_stop() would wait for. With `release`, let the next server have the exports that
 * have nothing under way: no I/O (`hung`), no call, no closing of a file.
 */
void exports_leave(const struct exports *exports, bool release);
/*
 * Check that this file, and every name on the way to it, lies outside the exported directories.
 * Returns 0, or -EPERM, logged.
 */
int exports_keep_out(const struct export_config *configs, unsigned nr, const char *path);
/* Find an export by its name; NULL: there is none. */
struct export *exports_find(const struct exports *exports, struct bytes name);

/*
 * export_wait.c: exports whose directory another server has at the start, perhaps because it has
 * not ended yet. Clients of such an export are told to wait until the directory is free.
 */
/*
 * Decide what to do if another server has the directory of the next export of the list, whose store
 * is open. `config` is its configuration, in an array in the order of the list. Returns 0; or
 * -EBUSY, logged: it is another export of this server that has the directory.
 */
int export_wait_decide(struct exports *exports, const struct export_config *config,
		       struct export *export);
/* Start the thread that waits, if there is something to wait for. Returns 0 or -errno, logged. */
int export_wait_start(struct exports *exports);
/* End it by until_ns. Returns 0; or -ETIMEDOUT, logged: its file system hangs, and it goes on. */
int export_wait_stop(struct exports *exports, uint64_t until_ns);

#endif
