/*
 * The file handles that a connection closes in passing. Memory for a close is reserved before the
 * file is opened, so that closing cannot fail. Part of a connection's requests, under its lock.
 */
#ifndef USRBIO_CLIENT_CALLS_CLOSES_H
#define USRBIO_CLIENT_CALLS_CLOSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroes: empty. */
struct closes {
	uint64_t *handles;
	size_t nr, max;
	size_t nr_reserved; /* handles that will be added one day: there is room for these */
};

void closes_free(struct closes *closes);
/* Make room for one handle more. 0 or -ENOMEM. */
int closes_reserve(struct closes *closes);
/* A reservation ends: by adding a handle next, or because there will be none. */
void closes_release(struct closes *closes);
/* False: there was no reservation, and there is no memory. */
bool closes_add(struct closes *closes, uint64_t handle);

#endif
