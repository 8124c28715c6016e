/*
 * The exports: the names that clients ask for, and the stores behind them. Fixed from start to
 * stop.
 */
#ifndef USRBIO_SERVER_SESSION_EXPORT_H
#define USRBIO_SERVER_SESSION_EXPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/message.h"

struct store;

/* What the administrator says about an export. */
struct export_config {
	char name[EXPORT_NAME_MAX + 1]; /* not empty, no '/' */
	const char *where;		/* as store_open takes it */
	bool read_only;
	bool unlocked; /* other servers may export the same directory */
	bool sync;     /* nothing is acknowledged before it would survive loss of power */
};

struct export
{
	char name[EXPORT_NAME_MAX + 1];
	struct store *store;
	bool read_only;
	uint64_t host;	/* with dev and ino it names its files: server/session/export.c */
	unsigned index; /* its place in the list, and in each worker's array of queues */
};

struct exports {
	struct export *list;
	unsigned nr;
};

/*
 * Open the stores; boot_id is the server's. 0 or -errno, logged. exports_close() accepts a zeroed
 * struct.
 */
int exports_open(struct exports *exports, const struct export_config *configs, unsigned nr,
		 uint64_t boot_id);
void exports_close(struct exports *exports);
/*
 * Check that this file and the way to it lie in none of the exported directories. 0, or -EPERM,
 * logged.
 */
int exports_keep_out(const struct export_config *configs, unsigned nr, const char *path);
/* Find an export by name; NULL: there is none. */
struct export *exports_find(const struct exports *exports, struct bytes name);

#endif
