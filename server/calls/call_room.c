/*
 * Room for a file that a call opens. Sessions without a connection have to yield theirs, and a
 * thread for closing then takes a moment. It has no state; the job thread of the call waits here.
 */
#include <time.h>

#include "common/base/clock.h"
#include "server/calls/call_ops.h"
#include "server/session/session.h"
#include "server/session/sessions.h"

#define PAUSE_NS NS_PER_MS
enum { PAUSES = 50, PAUSES_MAX = 1000 }; /* after each session that yields, and in all */

bool call_await_room(struct pending_call *p, unsigned *pauses)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	if (*pauses == PAUSES_MAX)
		return false;
	if ((*pauses)++ % PAUSES == 0 && !session_yield_to(p->session, now_ns()))
		return false;
	nanosleep(&pause, NULL);
	return true;
}
