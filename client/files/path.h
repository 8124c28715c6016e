/*
 * A resolved path: a mount and a path on it. It is made from a URL with a path, or from a path of
 * the file system below a mounted directory, absolute or relative. The file need not exist. The
 * caller owns it; any thread.
 */
#ifndef USRBIO_CLIENT_FILES_PATH_H
#define USRBIO_CLIENT_FILES_PATH_H

#include <limits.h>
#include <stdbool.h>

#include "client/mount/mount.h"

struct resolved_path {
	struct mount *mount;
	char path[PATH_MAX]; /* the path below the export; "": its root */
};

/*
 * Resolve a path and hold its mount. `follow`: a symbolic link at the end of a path of the file
 * system is followed here; a link at the end of a URL is left to the server. A slash at the end
 * stays. 0; -EINVAL: NULL, or a malformed URL; -ENOTTY: the path is on no mount; -ENOENT: the path
 * is
 * "", or has "." or ".." after a component that does not exist; -ENAMETOOLONG, -ENOTDIR, -EACCES,
 * -ELOOP, -ENOMEM.
 */
int path_open(const char *path, bool follow, struct resolved_path *place);
/*
 * Resolve a path without getting a mount: find the look-up of its mount, and the path below the
 * export, in PATH_MAX bytes. The latter has no slash at the end, unless the path is a URL. Errors
 * as above.
 */
int path_find(const char *path, bool follow, struct mountspec *spec, char *below);
/*
 * The same for a URL only; -ENOTTY: the path is none. *rest is the path below the export, and
 * points into `path`.
 *
 * For loop:///DIR/path without a '?', the mount is the deepest one in use that contains the path.
 * If there is none, and the URL names a directory and `follow` is true, this directory is the
 * mount; otherwise the directory above is.
 */
int path_of_url(const char *path, bool follow, struct mountspec *spec, const char **rest);
void path_close(struct resolved_path *place);

#endif
