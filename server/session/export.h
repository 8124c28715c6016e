/* The exports: a name clients ask for, and the store behind it. Fixed from start to stop. */
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

/* Open the stores; boot_id: of the server. 0 or -errno, logged. exports_close tolerates a zeroed
 * struct. */
int exports_open(struct exports *exports, const struct export_config *configs, unsigned nr,
		 uint64_t boot_id);
void exports_close(struct exports *exports);
/* Is this file, and the way to it, in none of their directories? 0; else -EPERM, logged. */
int exports_keep_out(const struct export_config *configs, unsigned nr, const char *path);
/* NULL: no such export. */
struct export *exports_find(const struct exports *exports, struct bytes name);

#endif
