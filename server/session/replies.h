/*
 * The reply cache of a session. For each slot of each channel it keeps the last call that opened a
 * file or changed something, with its reply. So a call that a client repeats after a reconnect is
 * not done twice. A repetition waits if the first run of the call has not ended, because the
 * connection that it came on has ended before it. The cache is a part of its session, and any
 * thread may use it. It has at most CALL_SLOTS x SESSION_CONNS_MAX entries, each allocated when its
 * slot is first used.
 */
#ifndef USRBIO_SERVER_SESSION_REPLIES_H
#define USRBIO_SERVER_SESSION_REPLIES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "common/base/list.h"
#include "common/base/lock.h"
#include "server/store/evloop.h"

struct replies_channel;
struct share;

struct replies {
	struct share *share; /* the session's, which the memory of replies is charged to */
	struct lock lock;    /* LOCK_REPLIES: guards the fields below */
	struct replies_channel *channels[SESSION_CONNS_MAX];
	struct list running;
	uint64_t nr_begun;
};

void replies_init(struct replies *replies, struct share *share);
void replies_close(struct replies *replies);

/* A call that is being done, from replies_begin() to replies_end(). The call contains it. */
struct reply_run {
	struct list node; /* all fields are under the lock of the cache */
	uint32_t channel, op, tag;
	uint64_t number;     /* of runs that began later it is higher */
	struct list waiters; /* the repetitions of this call */
	bool unwanted;	     /* it has been given up, so nobody waits for the reply */
};

/* A repetition that waits for the end of the first run. Its owner keeps it until the event. */
struct reply_waiter {
	struct list node;    /* in the run's list, under the lock of the cache */
	struct evloop *loop; /* calls ev.fn once */
	struct ev ev;
};

enum replies_answer {
	REPLIES_NEW,  /* do the call: the run has begun */
	REPLIES_KEPT, /* it was done before, and here is its reply */
	REPLIES_BUSY, /* it is being done: replies_wait() */
};

/*
 * Begin a call: reserve room for its reply, or find that it was begun before. `persistent` has
 * PERSISTENT_MAX bytes, and receives the file's persistent name, to which a kept reply then points.
 * Returns an enum replies_answer or -ENOMEM.
 */
int replies_begin(struct replies *replies, uint32_t channel, const struct call *call,
		  struct reply_run *run, struct reply *reply, uint8_t *persistent);
/*
 * End a run, and keep its reply, which has no names and no counts; NULL: the call was not done.
 * Its repetitions get their events. False: nobody waits for the reply any more, because the call
 * has been given up, or a later one of the slot is over.
 */
bool replies_end(struct replies *replies, struct reply_run *run, const struct reply *reply);
/* Wait until the first run of a call is over. False: it is over, and no event will come. */
bool replies_wait(struct replies *replies, uint32_t channel, const struct call *call,
		  struct reply_waiter *waiter);
/* Stop waiting. False: the event has been posted already, and will come. */
bool replies_cancel(struct replies *replies, struct reply_waiter *waiter);
/*
 * Nobody expects the reply to a call any more, and nobody will repeat it; op 0: to whichever call
 * has the tag. If it runs, replies_end() returns false. If it is over, its reply is forgotten; then
 * this returns the handle of the file that it has opened, which the caller closes. Otherwise 0.
 */
uint64_t replies_give_up(struct replies *replies, uint32_t channel, uint32_t op, uint32_t tag);
/* Forget the reply of a run that is over, unless a later call has replaced it. */
void replies_forget(struct replies *replies, const struct reply_run *run);

#endif
