/*
 * Why nobody is served: one cause in words, and the error that stands for it. Whoever finds a cause
 * says so first; whoever only passes the error on has nothing to add.
 */
#ifndef USRBIO_CLIENT_BASE_REASON_H
#define USRBIO_CLIENT_BASE_REASON_H

#include <stdarg.h>
#include <stdbool.h>

#define REASON_MAX 400

struct reason {
	int err; /* what calls end with; or with -EREMOTEIO, at their deadline. 0: there is none */
	char text[REASON_MAX];
};

/* Take the words, unless there are some. */
void reason_add(struct reason *reason, const char *fmt, va_list args);

/* Does it explain a call that ended with `err`? */
bool reason_explains(const struct reason *reason, int err);

/*
 * Of two causes for one attempt, by two routes: does `err` say more about what is wrong than
 * `than`? A server's refusal does, above silence, nobody there, and no device.
 */
bool reason_is_better(int err, int than);

/* No server is there, as opposed to: it does not answer. */
bool reason_is_absence(int err);
/* What a caller is told: a refusal as it is; whatever else means that nobody is there. */
int reason_outcome(int err);

#endif
