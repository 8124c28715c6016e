/* The functions of usrbio.h about a mount as a whole. No state; any thread. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/base/cancel.h"
#include "client/calls/mount_call.h"
#include "client/mount/mount.h"
#include "client/spec/mountspec.h"
#include "client/base/reason.h"
#include "client/usrbio.h"
#include "common/base/log.h"
#include "common/base/text.h"

const char *usrbio_version(void)
{
	return USRBIO_VERSION;
}

/*
 * Explain why a path is on no mount: a file that would make it one is ignored, because it is not
 * trusted.
 */
static void take_ignored(const char *ignored, int err, struct reason *reason)
{
	if (err != -EINVAL)
		return;
	reason->err = err;
	snprintf(reason->text, sizeof(reason->text), "%s", ignored);
}

/* Find the reason of the mount of a path, or why the path is on no mount. */
static void find_reason(const char *path, int err, struct reason *reason)
{
	char mount_point[MOUNT_POINT_MAX];
	struct log_catch again; /* the call that failed has logged these lines already */
	int len;

	log_catch_begin(&again);
	len = usrbio_mount_point(path, mount_point, sizeof(mount_point), NULL);
	log_catch_end(&again);
	if (len > 0 && len <= (int)sizeof(mount_point))
		mount_reason(mount_point, reason);
	else if (len < 0)
		take_ignored(again.text, err, reason);
	if (!reason_explains(reason, err))
		*reason->text = '\0';
}

int usrbio_reason(const char *path, int err, char *text, size_t room)
{
	NOT_CANCELLED;
	struct reason reason = {0};

	if (!path || !text || !room)
		return -EINVAL;
	if ((err != -EINVAL && err != -ENOENT) ||
	    !mountspec_wrong(path, reason.text, sizeof(reason.text)))
		find_reason(path, err, &reason);
	text_mask(reason.text, strlen(reason.text));
	snprintf(text, room, "%s", reason.text);
	return (int)strlen(reason.text);
}

int usrbio_ping(const char *mount_point, uint64_t *ns)
{
	NOT_CANCELLED;
	struct mount *mount;
	int err;

	if (!ns)
		return -EINVAL;
	err = mount_get(mount_point, &mount);
	if (err)
		return err;
	err = mount_ping(mount, ns);
	mount_put(mount);
	return err;
}
