/*
 * The way up from an open directory: whether it still lies beneath the export, and in which
 * directories it lies. Each step opens a directory before it checks it. So a rename meanwhile can
 * change the way, but not the results so far. This code has no state and owns nothing. Any thread
 * may call it.
 *
 * path.c and this file use each other: a name in an open directory is looked up after a climb has
 * shown that the directory is beneath the export, and where the server may not climb, the path of
 * the directory has to lead to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "server/store/posix/posix.h"

#define LEVELS_MAX 65536 /* a path of PATH_MAX has fewer; deeper ones are made step by step */
#define UPS_MAX	   64	 /* levels that one system call checks */

static bool is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* Open the directory above `at`, and close `at` if `own` is true. The descriptor, or -errno. */
static int step_up(int at, bool own)
{
	int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (up < 0)
		up = -errno;
	if (own)
		close(at);
	return up;
}

int posix_climb(int dir, bool (*see)(void *arg, const struct stat *st), void *arg)
{
	struct stat st, last = {0};
	int at = dir, err = 0;

	for (int level = 0; level < LEVELS_MAX; level++, last = st) {
		if (fstat(at, &st)) {
			err = -errno;
			break;
		}
		if ((level && is_same(&st, &last)) || !see(arg, &st))
			break;
		at = step_up(at, at != dir);
		if (at < 0)
			return at;
	}
	if (at != dir)
		close(at);
	return err;
}

struct root_search {
	const struct stat *root;
	unsigned level;
	bool found;
};

static bool is_not_root(void *arg, const struct stat *st)
{
	struct root_search *search = arg;

	search->found = is_same(st, search->root);
	search->level += !search->found;
	return !search->found;
}

/* True if the export's root is as many levels above the directory as at the last check. */
static bool is_where_it_was(const struct posix_file *file, const struct stat *root)
{
	char ups[3 * UPS_MAX + 2] = ".";
	unsigned level = atomic_load_explicit(&file->level, memory_order_relaxed);
	struct stat st;

	if (level > UPS_MAX)
		return false;
	for (unsigned i = 0; i < level; i++)
		memcpy(ups + 3 * i, "../", 4);
	return !fstatat(file->fd, ups, &st, AT_SYMLINK_NOFOLLOW) && is_same(&st, root);
}

/*
 * Check the directory by its path, which must lead to it. This is for a directory whose parents the
 * server may not open.
 */
static int check_path(struct posix_store *store, const struct posix_file *file)
{
	char path[PATH_MAX];
	struct stat here, there;
	int err = posix_path_of(store, file->fd, path), fd;

	if (err)
		return err;
	fd = posix_path_open(store, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return -ESTALE;
	err = !fstat(fd, &there) && !fstat(file->fd, &here) && is_same(&here, &there) ? 0 : -ESTALE;
	close(fd);
	return err;
}

int posix_check_beneath(struct posix_store *store, struct posix_file *file)
{
	struct stat root;
	struct root_search search = {.root = &root};
	int err;

	if (fstat(store->root, &root))
		return -errno;
	if (is_where_it_was(file, &root))
		return 0;
	err = posix_climb(file->fd, is_not_root, &search);
	if (search.found)
		atomic_store_explicit(&file->level, search.level, memory_order_relaxed);
	if (search.found || (err && err != -EACCES))
		return err;
	return err ? check_path(store, file) : -ESTALE;
}

struct ancestors {
	uint64_t *ids;
	int n, max;
};

static bool take_ids(void *arg, const struct stat *st)
{
	struct ancestors *a = arg;

	if (a->n == a->max)
		return false;
	a->ids[2 * a->n] = st->st_dev;
	a->ids[2 * a->n++ + 1] = st->st_ino;
	return true;
}

int posix_ancestors(struct store_file *base, uint64_t *ids, int max)
{
	struct ancestors ancestors = {.ids = ids, .max = max};

	if (base->regular)
		return -ENOTDIR;
	posix_climb(posix_file_of(base)->fd, take_ids, &ancestors);
	return ancestors.n;
}
