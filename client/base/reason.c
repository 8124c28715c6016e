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

bool reason_is_absence(int err)
{
	return err == -ECONNREFUSED || err == -EHOSTUNREACH || err == -ENETUNREACH ||
	       err == -ENODEV || err == -EPROTO;
}

int reason_outcome(int err)
{
	return err == -ENOENT || err == -EACCES || err == -EPERM || err == -EPROTONOSUPPORT ||
			       err == -EKEYREJECTED
		       ? err
		       : -EREMOTEIO;
}

static int weight(int err)
{
	if (!err)
		return -1;
	if (err == -ENODEV)
		return 0;
	if (reason_is_absence(err))
		return 1;
	return reason_outcome(err) == err ? 3 : 2;
}

bool reason_is_better(int err, int than)
{
	return weight(err) >= weight(than);
}
