/*
 * Protection from pthread_cancel of the program's threads. Most system calls are cancellation
 * points, and a thread that ended inside the library would keep locks, references and the lead of a
 * connection. Therefore each public function begins with NOT_CANCELLED. The only cancellation point
 * is the wait of hf3fs_wait_for_ios (conn_wait.c), where a handler gives all of this back.
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
 * Forbid cancelling this thread from here to the end of the scope. cancel_before is the state that
 * the program had chosen.
 */
#define NOT_CANCELLED \
	__attribute__((cleanup(cancel_restore), unused)) const int cancel_before = cancel_disable()

/*
 * Restore the program's setting around a call that may block. The caller has pushed a cleanup
 * handler.
 */
struct cancel_point {
	bool open;
	int type;
};

static inline struct cancel_point cancel_allow(bool open, int state)
{
	struct cancel_point point = {.open = open};

	if (open) {
		/* Never cancel at an arbitrary instruction, even if the program has chosen that. */
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
