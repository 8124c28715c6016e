/*
 * The reply cache of a session. For each slot of each channel it keeps the last call that opened a
 * file or changed something, with its reply. So a call that a client repeats after a reconnect is
 * not done twice. The cache is a part of its session, and any thread may use it. It has at most
 * CALL_SLOTS x SESSION_CONNS_MAX entries, each allocated when its slot is first used.
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
	struct share *share; /* the session's, which the memory of replies is charged to */
	struct lock lock;    /* LOCK_REPLIES: guards the fields below */
	struct replies_channel *channels[SESSION_CONNS_MAX];
};

void replies_init(struct replies *replies, struct share *share);
void replies_close(struct replies *replies);

/* Reserve room for the reply of a call before the call is done. Returns 0 or -ENOMEM. */
int replies_reserve(struct replies *replies, uint32_t channel, uint32_t tag);
/*
 * Get the reply of a call that was done before. `persistent` has PERSISTENT_MAX bytes, and receives
 * the file's persistent name, to which the reply then points. False: the call was not done.
 */
bool replies_find(struct replies *replies, uint32_t channel, const struct call *call,
		  struct reply *reply, uint8_t *persistent);
/* Keep the reply of a call, for which room was reserved. The reply has no names and no counts. */
void replies_keep(struct replies *replies, uint32_t channel, const struct call *call,
		  const struct reply *reply);

#endif
