/*
 * The attributes of many paths in one go. Paths that follow each other are often in one directory,
 * which is then opened once: the last name needs one system call more. The caller owns the rows.
 * This code has no state, and any thread may call it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "server/store/posix/posix.h"

/* The directory of the path before, held by a descriptor. */
struct last_dir {
	const char *path; /* `len` bytes of the caller's memory; NULL: there is none */
	size_t len;
	int fd; /* or -errno */
};

static bool is_same(const struct last_dir *dir, const char *path, size_t len)
{
	return dir->path && dir->len == len && !memcmp(dir->path, path, len);
}

static void close_dir(const struct posix_store *store, const struct last_dir *dir)
{
	if (dir->path && dir->fd >= 0 && dir->fd != store->root)
		close(dir->fd);
}

static int open_dir(struct posix_store *store, const char *path, size_t len)
{
	char text[PATH_MAX];

	if (!len)
		return store->root;
	if (len >= sizeof(text))
		return -ENAMETOOLONG;
	memcpy(text, path, len);
	text[len] = '\0';
	return posix_path_open(store, text, O_PATH | O_DIRECTORY, 0);
}

/* Get the descriptor of the directory path[0, len), or -errno. It is good until the next call. */
static int dir_of(struct posix_store *store, struct last_dir *dir, const char *path, size_t len)
{
	if (!is_same(dir, path, len)) {
		close_dir(store, dir);
		*dir = (struct last_dir){path, len, open_dir(store, path, len)};
	}
	return dir->fd;
}

static bool is_special(const char *name)
{
	return !*name || !strcmp(name, ".") || !strcmp(name, "..");
}

/* Get the attributes of a name in a directory. 0 or -errno; -ELOOP: it is a link to be followed. */
static int stat_name(int dir, const char *name, bool nofollow, struct file_attr *attr)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (S_ISLNK(st.st_mode) && !nofollow)
		return -ELOOP;
	posix_attr(&st, attr);
	return 0;
}

static int stat_one(struct posix_store *store, struct last_dir *last, const char *path,
		    bool nofollow, struct file_attr *attr)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int err = -ELOOP, dir;

	if (*path != '/' && !is_special(name)) {
		dir = dir_of(store, last, path, slash ? (size_t)(slash - path) : 0);
		err = dir < 0 ? dir : stat_name(dir, name, nofollow, attr);
	}
	return err == -ELOOP ? posix_stat_path(&store->base, NULL, path, nofollow, attr) : err;
}

void posix_stat_paths(struct store *base, const char *paths, size_t n, bool nofollow,
		      struct attr_row *rows)
{
	struct posix_store *store = posix_store_of(base);
	struct last_dir last = {.path = NULL};

	for (size_t i = 0; i < n; i++, paths += strlen(paths) + 1) {
		struct file_attr attr;
		int err = stat_one(store, &last, paths, nofollow, &attr);

		rows[i] = attr_to_row(err, &attr);
	}
	close_dir(store, &last);
}
