/*
 * Endpoints: to which file system a path on the command line belongs, and the path there. No state;
 * any thread.
 */
#include "client/tool/fs/fs.h"

#include <errno.h>
#include <string.h>

#include "client/tool/base/tool.h"

int endpoint_of(const char *path, struct endpoint *endpoint)
{
	bool url = strstr(path, "://");
	int len;

	*endpoint = (struct endpoint){.fs = &fs_local, .rest = path};
	len = usrbio_mount_point(path, endpoint->mount_point, sizeof(endpoint->mount_point),
				 &endpoint->rest);
	/* Symbolic links or ".." may lead the path to the mount: then the rest stays all of it. */
	if (len == -EINVAL && !url)
		len = usrbio_mount_point(path, endpoint->mount_point, sizeof(endpoint->mount_point),
					 NULL);
	if (len > 0)
		endpoint->fs = &fs_mount;
	return len < 0 && url ? len : 0;
}

/* Report that a path is on no mount, and the library's reason if it has one. */
static void on_no_mount(const char *path)
{
	char reason[512];

	if (usrbio_reason(path, -EINVAL, reason, sizeof(reason)) > 0)
		fail_text("%s: not on a usrbio mount: %s", path, reason);
	else
		fail_text(
			"%s: not on a usrbio mount; use tcp://HOST[:PORT]/EXPORT/PATH, or a path below an "
			"attached directory",
			path);
}

bool endpoint_on_mount(const char *path, struct endpoint *endpoint)
{
	int err = endpoint_of(path, endpoint);

	if (err)
		fail(path, err);
	else if (endpoint->fs != &fs_mount)
		on_no_mount(path);
	return !err && endpoint->fs == &fs_mount;
}

bool endpoint_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->fs == b->fs && !strcmp(a->mount_point, b->mount_point);
}
