/*
 * A place: where a path string leads. A URL with a path, or a path of the file system below a
 * mounted directory; absolute or relative, existing or yet to be made.
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
 * Find a place and hold its mount. follow: a symbolic link at the end of a file system's path is
 * followed here; one at the end of a URL is the server's business. A slash at the end stays. 0;
 * -EINVAL (NULL, a malformed URL), -ENOTTY (not ours), -ENAMETOOLONG, -ENOTDIR, -EACCES, -ELOOP;
 * -ENOENT for "" and for dots behind what does not exist.
 */
int path_open(const char *path, bool follow, struct resolved_path *place);
/* The same without a mount: what it would be, and the path below the export (PATH_MAX bytes),
 * without slashes at the end unless it is a URL's. */
int path_find(const char *path, bool follow, struct mountspec *spec, char *below);
/*
 * The same for URLs only, -ENOTTY for the others; *rest points into the path.
 *
 * Of loop:///DIR/path without a '?' the mount is the deepest one in use that contains it. Where
 * there is none: the directory it names, if it names one and `follow`; else the one above.
 */
int path_of_url(const char *path, bool follow, struct mountspec *spec, const char **rest);
void path_close(struct resolved_path *place);

#endif
