/*
 * Why calls fail: one cause in words, and the error that stands for it. The code that finds the
 * cause adds it first; code that only passes the error on adds nothing.
 */
#ifndef USRBIO_CLIENT_BASE_REASON_H
#define USRBIO_CLIENT_BASE_REASON_H

#include <stdarg.h>
#include <stdbool.h>

#define REASON_MAX 400

struct reason {
	int err; /* the error of calls, or -EREMOTEIO at their deadline; 0: no reason */
	char text[REASON_MAX];
};

/* Keep the words, unless there are some already. */
void reason_add(struct reason *reason, const char *fmt, va_list args);

/* Does it explain a call that ended with `err`? */
bool reason_explains(const struct reason *reason, int err);

/*
 * Of two causes for one attempt, by two routes: does `err` say more about what is wrong than
 * `than`? A server's refusal does, above silence, nobody there, and no device.
 */
bool reason_is_better(int err, int than);

/* Does the error say that no server is there, rather than that it does not answer? */
bool reason_is_absence(int err);
/* The error for a caller: a refusal as it is; every other one means that no server is there. */
int reason_outcome(int err);

#endif
