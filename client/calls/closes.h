/*
 * The file handles that a connection will close, together with other messages. Memory for a close
 * is reserved before the file is opened, so that closing cannot fail. The requests of a connection
 * own it, under the connection's lock.
 */
#ifndef USRBIO_CLIENT_CALLS_CLOSES_H
#define USRBIO_CLIENT_CALLS_CLOSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed struct is empty. */
struct closes {
	uint64_t *handles;
	size_t nr, max;
	size_t nr_reserved; /* handles that may be added later: there is space for them */
};

void closes_free(struct closes *closes);
/* Reserve space for one more handle. 0 or -ENOMEM. */
int closes_reserve(struct closes *closes);
/* End a reservation: its handle is added next, or there is none. */
void closes_release(struct closes *closes);
/* Add a handle. False: it has no reservation, and there is no memory. */
bool closes_add(struct closes *closes, uint64_t handle);

#endif
