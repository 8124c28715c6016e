/* The answer of a server to a call, as a copy. The thread that made the call owns it. */
#ifndef USRBIO_CLIENT_CALLS_ANSWER_H
#define USRBIO_CLIENT_CALLS_ANSWER_H

#include <stdint.h>

#include "proto/limits.h"
#include "proto/message.h"

struct conn;

struct answer {
	uint64_t session; /* number of the session in which a file handle of the reply is valid */
	uint64_t host;	  /* the host of the files in the reply, see usrbio_stat */
	struct reply reply;
	/* The bytes of the strings and arrays that `reply` points to. */
	uint8_t data[FRAME_MAX + 4 * FRAME_MAX];
};

/* Copy a reply that has just come on the connection. The connection's lock is held. */
void answer_copy(struct answer *answer, const struct conn *conn, const struct reply *reply);

#endif
