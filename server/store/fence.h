/*
 * Fences: they keep a call that nobody waits for any more from landing on what newer calls have
 * changed. The thread that makes a call for a client has a fence. A store enters the fence right
 * before it changes something, and names the inodes that it is about to change.
 *
 * Whoever waited for the call may give it up at any time. Before the store has entered, the call
 * then changes nothing. After that, the inodes have a barrier (barrier.h) until the call is over.
 * The owner of the call owns its fence.
 */
#ifndef USRBIO_SERVER_STORE_FENCE_H
#define USRBIO_SERVER_STORE_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/store/barrier.h"

#define FENCE_INODES_MAX 4 /* that one call changes */

/* A new fence has nothing but `since_ns`. */
struct fence {
	uint64_t since_ns; /* when the call came: it waits for no changes that came later */
	/* The call's thread uses these, and fence_give_up() under the lock of fence.c: */
	struct store_barrier *entered[FENCE_INODES_MAX]; /* references */
	struct barrier_hold holds[FENCE_INODES_MAX];	 /* of a call that was given up */
	unsigned nr_entered;
	bool given_up, over;
	/* Of the thread, and of the owner after fence_end(): */
	bool refused;		   /* it was given up before it could change anything */
	struct store_barrier *met; /* it has to wait for this one; a reference; NULL: no */
};

struct fence_inode {
	uint64_t dev, ino;
};

/* From now on this thread makes the call of this fence. */
void fence_begin(struct fence *fence);
/* The call is over. True: it was given up, and its owner does not expect it any more. */
bool fence_end(struct fence *fence);
/* Give up a call. False: it is over. Any thread. */
bool fence_give_up(struct fence *fence);

/*
 * The store is about to change n inodes for this thread's call. Returns 0: go on. -ECANCELED:
 * change nothing, because the call was given up, or has to wait for fence->met and then run again.
 * -ENOMEM. A thread without a fence may always go on.
 */
int fence_enter(const struct fence_inode *inodes, unsigned n);

#endif
