/* The public calls about a mount as a whole. */
#include <errno.h>

#include "client/cancel.h"
#include "client/mount.h"
#include "client/usrbio.h"

const char *usrbio_version(void)
{
	return USRBIO_VERSION;
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
