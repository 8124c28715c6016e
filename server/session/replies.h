/*
 * The reply cache of a session: for each slot of each channel the last call that opened a file or
 * changed something, with its answer, so that a call repeated in a later incarnation of the session
 * is not done twice. Embedded in the session; any thread. At most CALL_SLOTS x SESSION_CONNS_MAX
 * entries, each made when its slot is first used.
 */
#ifndef USRBIO_SERVER_SESSION_REPLIES_H
#define USRBIO_SERVER_SESSION_REPLIES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "common/base/lock.h"

struct replies_channel;
struct share;

struct replies {
	struct share *share; /* what they take of it */
	struct lock lock;    /* LOCK_REPLIES: guards what follows */
	struct replies_channel *channels[SESSION_CONNS_MAX];
};

void replies_init(struct replies *replies, struct share *share);
void replies_close(struct replies *replies);

/* Reserve room for the answer of a call before it is done. 0 or -ENOMEM. */
int replies_reserve(struct replies *replies, uint32_t channel, uint32_t tag);
/*
 * Get the reply of a call that was done before. `persistent`, of PERSISTENT_MAX bytes, receives the
 * persistent name in it. False: the call was not done.
 */
bool replies_find(struct replies *replies, uint32_t channel, const struct call *call,
		  struct reply *reply, uint8_t *persistent);
/* Keep the reply of a call that has been done. It has no names and no counts; room was reserved. */
void replies_keep(struct replies *replies, uint32_t channel, const struct call *call,
		  const struct reply *reply);

#endif
