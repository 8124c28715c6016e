/*
 * A worker's event loop: one io_uring for disk, readiness, timers and wake-ups, used by the one
 * thread that runs it. Only evloop_post may be called by others.
 */
#ifndef USRBIO_SERVER_STORE_EVLOOP_H
#define USRBIO_SERVER_STORE_EVLOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io_uring_sqe;
struct evloop;

/* An event that will happen once, embedded in the object that waits for it. */
struct ev {
	void (*fn)(struct ev *ev, int32_t res);
	struct ev *next; /* the loop's, while deferred or posted */
	int32_t res;
};

/*
 * Open a loop. 0 or -errno, logged: io_uring is missing or forbidden, or memory. entries:
 * submissions at a time.
 */
int evloop_open(struct evloop **loop, unsigned entries);
/* Close a loop. No thread is inside evloop_post() any more. */
void evloop_close(struct evloop *loop);

/*
 * A submission entry whose completion calls ev->fn once. Never NULL: what is queued is submitted
 * first when the queue is full. Fill it in by io_uring_prep_* and evloop_bind before asking for the
 * next one.
 */
struct io_uring_sqe *evloop_sqe(struct evloop *loop);
void evloop_bind(struct io_uring_sqe *sqe, struct ev *ev);

/*
 * Register memory for fixed-buffer I/O, before the first turn: later the ring takes none. Its index
 * (>= 0), or -errno and plain I/O it is.
 */
int evloop_register(struct evloop *loop, void *base, size_t len);

/* Call ev->fn(ev, res) from the loop, soon, not from here. */
void evloop_defer(struct evloop *loop, struct ev *ev, int32_t res);
/* The same from any other thread; wakes the loop if it sleeps. */
void evloop_post(struct evloop *loop, struct ev *ev, int32_t res);

/*
 * One turn: submit what is queued, run what is ready. wait: sleep until something is, at most
 * timeout_ms (-1: no limit). The number of callbacks run.
 */
int evloop_turn(struct evloop *loop, bool wait, int timeout_ms);

#endif
