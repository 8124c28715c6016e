/*
 * The write verifier of the server, as the session knows it: it counts the changes, so that files
 * and I/Os keep a small number instead of the verifier. The session owns it. Any thread, with or
 * without the lock of a connection.
 */
#include "client/session/session.h"

/* Use another verifier. */
static void change(struct session *session, uint64_t verifier)
{
	lock_assert_held(&session->lock);
	session->verifier = verifier;
	/* For an I/O, whose number has 16 bits, 0 is none. */
	if (!(uint16_t)++session->verifier_nr)
		session->verifier_nr++;
	if (!session->is_sync)
		atomic_store(&session->owner.writes_under, session->verifier_nr);
}

void session_verifier_welcome(struct session *session, const struct welcome *welcome)
{
	lock_acquire(&session->lock);
	session->is_sync = welcome->export_flags & EXPORT_SYNC;
	if (welcome->verifier != session->verifier)
		change(session, welcome->verifier);
	atomic_store(&session->owner.writes_under, session->is_sync ? 0 : session->verifier_nr);
	lock_release(&session->lock);
}

/*
 * An answer to a call that began before the last change may have been sent before it. So such an
 * answer changes nothing.
 */
uint32_t session_verifier_learn(struct session *session, uint32_t since, uint64_t verifier)
{
	uint32_t number;

	lock_acquire(&session->lock);
	if (verifier && verifier != session->verifier && since == session->verifier_nr)
		change(session, verifier);
	number = !verifier || verifier == session->verifier ? session->verifier_nr : 0;
	lock_release(&session->lock);
	return number;
}
