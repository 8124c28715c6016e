/*
 * pthread_cancel of the caller's threads. Most system calls are cancellation points, and a thread
 * that ended in one of ours would keep locks, references and the lead of a connection. So each
 * public function begins with NOT_CANCELLED, and one place is a cancellation point: where
 * hf3fs_wait_for_ios sleeps (conn_wait.c), which gives everything up first.
 */
#ifndef USRBIO_CLIENT_BASE_CANCEL_H
#define USRBIO_CLIENT_BASE_CANCEL_H

#include <pthread.h>
#include <stdbool.h>

static inline int cancel_disable(void)
{
	int before = PTHREAD_CANCEL_DISABLE;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

static inline void cancel_restore(const int *before)
{
	pthread_setcancelstate(*before, NULL);
}

/*
 * From here to the end of the scope this thread is not cancelled; cancel_before is what its owner
 * had chosen.
 */
#define NOT_CANCELLED \
	__attribute__((cleanup(cancel_restore), unused)) const int cancel_before = cancel_disable()

/* Around a call that may block, with a cleanup handler set: cancelled there as its owner chose. */
struct cancel_point {
	bool open;
	int type;
};

static inline struct cancel_point cancel_allow(bool open, int state)
{
	struct cancel_point point = {.open = open};

	if (open) {
		/* Not at any instruction, even if its owner has chosen that. */
		pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &point.type);
		pthread_setcancelstate(state, NULL);
	}
	return point;
}

static inline void cancel_forbid(const struct cancel_point *point)
{
	if (point->open) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
		pthread_setcanceltype(point->type, NULL);
	}
}

#endif
