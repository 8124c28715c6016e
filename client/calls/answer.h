/* A server's answer to a call, copied out of the receive buffer. The caller's thread owns it. */
#ifndef USRBIO_CLIENT_CALLS_ANSWER_H
#define USRBIO_CLIENT_CALLS_ANSWER_H

#include <stdint.h>

#include "proto/limits.h"
#include "proto/message.h"

struct conn;

struct answer {
	uint64_t session; /* the session in which it came: a file handle in it is valid there */
	uint64_t host;	  /* the host of the files it tells of */
	struct reply reply;
	/* The byte strings and arrays that the reply points to. */
	uint8_t data[FRAME_MAX + 4 * FRAME_MAX];
};

/* Copy a reply that has just come on the connection. The connection's lock is held. */
void answer_copy(struct answer *answer, const struct conn *conn, const struct reply *reply);

#endif
