/*
 * A worker's event loop: one io_uring for disk, readiness, timers and wake-ups. Only the worker's
 * thread uses it. Other threads may only call evloop_post().
 */
#ifndef USRBIO_SERVER_STORE_EVLOOP_H
#define USRBIO_SERVER_STORE_EVLOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io_uring_sqe;
struct evloop;

/* An event that happens once. The object that waits for it contains it. */
struct ev {
	void (*fn)(struct ev *ev, int32_t res);
	struct ev *next; /* the loop uses it while the event is deferred or posted */
	int32_t res;
};

/*
 * Open a loop for `entries` submissions at a time. Returns 0, or -errno, logged: io_uring is
 * missing or forbidden, or there is no memory.
 */
int evloop_open(struct evloop **loop, unsigned entries);
/* Close a loop. No thread is inside evloop_post() any more. */
void evloop_close(struct evloop *loop);

/*
 * Get a submission entry. It is never NULL: if the queue is full, the queued entries are submitted
 * first. The caller fills it in by io_uring_prep_*() and evloop_bind() before it asks for the next
 * one. Its completion calls ev->fn once.
 */
struct io_uring_sqe *evloop_sqe(struct evloop *loop);
void evloop_bind(struct io_uring_sqe *sqe, struct ev *ev);

/*
 * Register memory for fixed-buffer I/O. The caller does this before the first turn, because later
 * the ring refuses it. Returns the index (>= 0) of the memory, or -errno: then use plain I/O.
 */
int evloop_register(struct evloop *loop, void *base, size_t len);
/*
 * Have the kernel hold what fd is open on until the last I/O of this loop is over, also when the
 * process ends before. Returns 0 or -errno, logged.
 */
int evloop_hold(struct evloop *loop, int fd);

/* Let the loop call ev->fn(ev, res) soon, but not within this call. */
void evloop_defer(struct evloop *loop, struct ev *ev, int32_t res);
/* Do the same from any other thread, and wake the loop if it sleeps. */
void evloop_post(struct evloop *loop, struct ev *ev, int32_t res);

/*
 * Run one turn: submit what is queued, and call the functions of ready events. With `wait`, sleep
 * at most timeout_ms (-1: no limit) until an event is ready. Returns the number of calls.
 */
int evloop_turn(struct evloop *loop, bool wait, int timeout_ms);

#endif
