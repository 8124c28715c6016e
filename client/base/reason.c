/*
 * Stores reasons, and chooses between several of them; see reason.h. No state; any thread. The
 * owner of a reason serialises the calls.
 */
#include "client/base/reason.h"

#include <errno.h>
#include <stdio.h>

void reason_add(struct reason *reason, const char *fmt, va_list args)
{
	if (!*reason->text)
		vsnprintf(reason->text, sizeof(reason->text), fmt, args);
}

bool reason_explains(const struct reason *reason, int err)
{
	bool of_mount = reason_outcome(reason->err) == reason->err;

	return reason->err && *reason->text &&
	       (err == reason->err || (of_mount && err == -EREMOTEIO));
}

int reason_outcome(int err)
{
	return err == -ENOENT || err == -EACCES || err == -EPERM || err == -EPROTONOSUPPORT ||
			       err == -EKEYREJECTED
		       ? err
		       : -EREMOTEIO;
}

enum reason_kind reason_kind(int err)
{
	switch (err) {
	case -ENODEV:
	case -EAFNOSUPPORT:
	case -EADDRNOTAVAIL:
		return REASON_NO_WAY;
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -EPROTO:
		return REASON_ABSENT;
	default:
		return reason_outcome(err) == err ? REASON_REFUSED : REASON_NOT_YET;
	}
}

bool reason_is_better(int err, int than)
{
	return !than || (err && reason_kind(err) >= reason_kind(than));
}
