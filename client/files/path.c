/* Resolves a path to a mount and the server's path; see path.h. No state; any thread. */
#include "client/files/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/spec/mounturl.h"

/* Return where the last component of path[0, len) begins. */
static size_t last_component(const char *path, size_t len)
{
	while (len && path[len - 1] != '/')
		len--;
	return len;
}

static size_t trim_slashes(const char *path, size_t len)
{
	while (len && path[len - 1] == '/')
		len--;
	return len;
}

static bool is_dots(const char *name)
{
	size_t len = strcspn(name, "/");

	return (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.');
}

/* Return the realpath of path[0, len), or of the root or the working directory if len is 0. */
static int real_head(const char *path, size_t len, char *canonical)
{
	char head[PATH_MAX];

	memcpy(head, path, len);
	head[len] = '\0';
	if (!len)
		strcpy(head, *path == '/' ? "/" : ".");
	return realpath(head, canonical) ? 0 : -errno;
}

/*
 * True if the last component is a link that the server has to handle. A path to a directory is
 * resolved as a whole, because that directory may be a mount.
 */
static bool ends_in_link(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISLNK(st.st_mode);
}

/*
 * Make the part of the path canonical that exists here, and append the rest unchanged, because it
 * may exist at the server, or may be created there. 0 or -errno.
 */
static int canonical_of(const char *path, bool follow, char *canonical)
{
	size_t all = trim_slashes(path, strlen(path)), len = all, used, tail;
	int err;

	if (all >= PATH_MAX)
		return -ENAMETOOLONG;
	if (!follow && ends_in_link(path))
		len = last_component(path, len);
	while ((err = real_head(path, trim_slashes(path, len), canonical))) {
		len = trim_slashes(path, len);
		if (err != -ENOENT || !len)
			return err;
		len = last_component(path, len);
		if (is_dots(path + len))
			return -ENOENT;
	}
	tail = all - len;
	if (!tail)
		return 0;
	used = trim_slashes(canonical, strlen(canonical));
	if (used + 1 + tail >= PATH_MAX)
		return -ENAMETOOLONG;
	canonical[used] = '/';
	memcpy(canonical + used + 1, path + len, tail);
	canonical[used + 1 + tail] = '\0';
	return 0;
}

/* Return the length of the URL of the mount in loop:///DIR/path, if no mount in use has it. */
static size_t directory_len(const char *url, bool follow)
{
	size_t len = strlen(url), root = (size_t)(mounturl_served(url) - url) + 1, head;
	struct stat st;

	if (follow && !stat(mounturl_served(url), &st) && S_ISDIR(st.st_mode))
		return len;
	head = last_component(url, trim_slashes(url, len));
	return head > root ? head : root;
}

/*
 * Find the mount of loop:///DIR/path. The directory ends at a '?'; see path_of_url if there is
 * none.
 */
static int find_served(const char *url, bool follow, struct mountspec *spec, const char **rest)
{
	char mount_point[MOUNT_POINT_MAX];
	const char *ignored;
	size_t len;

	if (strchr(url, '?'))
		return mountspec_of_url(url, spec, rest);
	if (mount_serving(mounturl_served(url), spec, rest))
		return 0;
	len = directory_len(url, follow);
	if (len >= sizeof(mount_point))
		return -ENAMETOOLONG;
	memcpy(mount_point, url, len);
	mount_point[len] = '\0';
	*rest = url + len;
	return mountspec_of_url(mount_point, spec, &ignored);
}

int path_of_url(const char *path, bool follow, struct mountspec *spec, const char **rest)
{
	int err;

	if (mounturl_served(path))
		return find_served(path, follow, spec, rest);
	err = mountspec_of_url(path, spec, rest);
	return err == -ENOENT ? -ENOTTY : err;
}

int path_find(const char *path, bool follow, struct mountspec *spec, char *below)
{
	char canonical[PATH_MAX];
	const char *rest;
	int err;

	if (!path)
		return -EINVAL;
	if (!*path)
		return -ENOENT;
	err = path_of_url(path, follow, spec, &rest);
	if (err == -ENOTTY) {
		err = canonical_of(path, follow, canonical);
		if (err)
			return err;
		err = mountspec_of_canonical(canonical, spec, &rest);
		if (err == -ENOENT)
			err = -ENOTTY;
	}
	if (err)
		return err;
	if (strlen(rest) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(below, rest);
	return 0;
}

/* Append the slash at the end of the path, because the server checks that it is a directory. */
static int keep_slash(const char *path, char *below)
{
	size_t len = strlen(below);

	if (!len || below[len - 1] == '/' || path[strlen(path) - 1] != '/')
		return 0;
	if (len + 1 >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(below + len, "/");
	return 0;
}

int path_open(const char *path, bool follow, struct resolved_path *place)
{
	struct mountspec spec;
	int err = path_find(path, follow, &spec, place->path);

	if (!err)
		err = keep_slash(path, place->path);
	return err ? err : mount_get_spec(&spec, &place->mount);
}

void path_close(struct resolved_path *place)
{
	mount_put(place->mount);
}
