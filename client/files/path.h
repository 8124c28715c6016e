/*
 * A resolved path: a mount and a path on it. It comes from a URL with a path, or from a path of the
 * file system below a mounted directory; absolute or relative, existing or not.
 */
#ifndef USRBIO_CLIENT_FILES_PATH_H
#define USRBIO_CLIENT_FILES_PATH_H

#include <limits.h>
#include <stdbool.h>

#include "client/mount/mount.h"

struct resolved_path {
	struct mount *mount;
	char path[PATH_MAX]; /* below the export, "" for its root */
};

/*
 * Resolve a path and hold its mount. follow: a symbolic link at the end of a file system's path is
 * followed here; one at the end of a URL is left to the server. A slash at the end stays. 0;
 * -EINVAL (NULL, a malformed URL), -ENOTTY (not ours), -ENAMETOOLONG, -ENOTDIR, -EACCES, -ELOOP;
 * -ENOENT for "" and for dots after a component that does not exist.
 */
int path_open(const char *path, bool follow, struct resolved_path *place);
/*
 * Resolve a path without a mount: find its specification, and the path below the export (PATH_MAX
 * bytes), without slashes at the end unless it is a URL.
 */
int path_find(const char *path, bool follow, struct mountspec *spec, char *below);
/*
 * Resolve a URL without a mount; -ENOTTY for other paths; *rest points into the path.
 *
 * For loop:///DIR/path without a '?' the mount is the deepest one in use that contains it. If there
 * is none, it is the directory that the URL names, if it names one and `follow`; else the one
 * above.
 */
int path_of_url(const char *path, bool follow, struct mountspec *spec, const char **rest);
void path_close(struct resolved_path *place);

#endif
