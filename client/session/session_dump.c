/*
 * The lines of a state dump about a session. The session belongs to its mount's relation; this runs
 * on the thread that makes the dump, which keeps the mount.
 */
#include "client/session/session_dump.h"

#include <errno.h>
#include <string.h>

#include "client/session/session.h"

/* A copy of the state that is under the session's lock. */
struct view {
	bool reconnecting, given_up;
	uint64_t trying_ns;
	struct reason reason, cause;
};

static bool look(struct session *session, struct view *view)
{
	if (!dump_lock(&session->lock))
		return false;
	*view = (struct view){
		.reconnecting = session->reconnecting,
		.given_up = session->given_up,
		.trying_ns = session->trying_ns,
		.reason = session->reason,
		.cause = session->cause,
	};
	lock_release(&session->lock);
	return true;
}

void session_dump_to(struct session *session, struct dump *dump, uint64_t now)
{
	bool up = session_is_up(session);
	int error = atomic_load(&session->error);
	struct view view;
	double seconds;

	if (!look(session, &view)) {
		dump_line(dump, "session: %s; busy: its lock was not free for %d ms",
			  up ? "up" : "not up", DUMP_LOCK_MS);
		return;
	}
	seconds = dump_seconds(view.trying_ns && view.trying_ns < now ? now - view.trying_ns : 0);
	if (view.reconnecting)
		dump_line(dump, "session: reconnecting for %.3f s, %u attempts failed%s", seconds,
			  atomic_load(&session->failures),
			  view.given_up ? "; nothing waits for it any more" : "");
	else
		dump_line(dump, "session: %s",
			  up		  ? "up"
			  : view.given_up ? "given up"
					  : "not connected");
	if (*view.reason.text)
		dump_line(dump, "session: calls fail because: %s", view.reason.text);
	if (*view.cause.text)
		dump_line(dump, "session: the last cause of trouble: %s", view.cause.text);
	if (atomic_load(&session->lost))
		dump_line(dump, "session: incarnation %lu was lost: %s",
			  (unsigned long)atomic_load(&session->lost), strerror(-error));
}
