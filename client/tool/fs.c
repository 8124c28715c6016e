/* Where a path lies, and the file system of a mount. */
#include "client/tool/fs.h"

#include <errno.h>
#include <string.h>

#include "client/tool/tool.h"

static int list(const char *path, int (*visit)(const char *name, unsigned char type, void *arg),
		void *arg)
{
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;
	int err = usrbio_opendir(path, &dir);

	if (err)
		return err;
	while ((err = usrbio_readdir(dir, &entry)) > 0) {
		err = visit(entry.name, entry.type, arg);
		if (err)
			break;
	}
	usrbio_closedir(dir);
	return err;
}

const struct fs fs_mount = {
	.rings = true,
	.open = usrbio_open,
	.close = usrbio_close,
	.fstat = usrbio_fstat,
	.stat = usrbio_stat,
	.lstat = usrbio_lstat,
	.truncate = usrbio_ftruncate,
	.mkdir = usrbio_mkdir,
	.unlink = usrbio_unlink,
	.rmdir = usrbio_rmdir,
	.list = list,
};

int endpoint_of(const char *path, struct endpoint *endpoint)
{
	bool url = strstr(path, "://");
	int len;

	*endpoint = (struct endpoint){.fs = &fs_local, .rest = path};
	len = usrbio_mount_point(path, endpoint->mount_point, sizeof(endpoint->mount_point),
				 &endpoint->rest);
	if (len == -EINVAL && !url) /* ours, but reached by symbolic links or dots */
		len = usrbio_mount_point(path, endpoint->mount_point, sizeof(endpoint->mount_point),
					 NULL);
	if (len > 0)
		endpoint->fs = &fs_mount;
	return len < 0 && url ? len : 0;
}

bool endpoint_on_mount(const char *path, struct endpoint *endpoint)
{
	int err = endpoint_of(path, endpoint);

	if (err)
		fail(path, err);
	else if (endpoint->fs != &fs_mount)
		fail_text("%s: on no mount; say tcp://HOST[:PORT]/EXPORT/PATH, or a path below an "
			  "attached directory",
			  path);
	return !err && endpoint->fs == &fs_mount;
}

bool endpoint_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->fs == b->fs && !strcmp(a->mount_point, b->mount_point);
}
