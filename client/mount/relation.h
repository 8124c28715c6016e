/*
 * A relation to a server, which all mounts of an export with the same options share: it has one
 * session. The mounts count themselves in it, under their lock.
 */
#ifndef USRBIO_CLIENT_MOUNT_RELATION_H
#define USRBIO_CLIENT_MOUNT_RELATION_H

#include "client/base/progress.h"
#include "client/spec/mountspec.h"

struct session;

struct relation {
	unsigned nr_names; /* mounts that have it; under LOCK_MOUNTS */
	struct mountspec spec;
	struct session *session; /* constant */
	struct task task;	 /* from its end on, like the next */
	uint64_t until_ns;	 /* how long it waits for the server */
};

/* Create the relation of mounts with this meaning, not connected. NULL: out of memory. */
struct relation *relation_create(const struct mountspec *spec);
/*
 * End the session of a relation that no mount has any more, and free both, perhaps later. No lock
 * is held.
 */
void relation_end(struct relation *relation);

#endif
