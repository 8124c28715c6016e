/*
 * The reason why calls fail: one cause as text, and the error that stands for it. The code that
 * finds the cause adds it first; code that only passes the error on adds nothing.
 */
#ifndef USRBIO_CLIENT_BASE_REASON_H
#define USRBIO_CLIENT_BASE_REASON_H

#include <stdarg.h>
#include <stdbool.h>

#define REASON_MAX 400

struct reason {
	int err; /* -errno of the cause; -EREMOTEIO: a time limit has passed; 0: there is no reason
		  */
	char text[REASON_MAX];
};

/* Store the text, unless the reason has one already. */
void reason_add(struct reason *reason, const char *fmt, va_list args);

/* True if the reason explains a call that ended with `err`. */
bool reason_explains(const struct reason *reason, int err);

/*
 * Compare the causes of one attempt by two routes: true if `err` says at least as much as `than`. A
 * refusal by a server ranks above silence and "not yet", these above a refused connection, and that
 * above a way that this machine does not have.
 */
bool reason_is_better(int err, int than);

/*
 * The kind of an error decides how long a client that has never reached its server waits. ABSENT:
 * no server is there; the client waits for a second. NO_WAY: this machine has no such way, which
 * says nothing about the server. NOT_YET: everything that waiting may change; the client waits for
 * the timeout of the mount. REFUSED: waiting changes nothing.
 */
enum reason_kind { REASON_NO_WAY, REASON_ABSENT, REASON_NOT_YET, REASON_REFUSED };
enum reason_kind reason_kind(int err);
/* Return the error for a caller: a refusal as it is; all others mean that no server is there. */
int reason_outcome(int err);

#endif
