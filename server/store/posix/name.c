/*
 * Persistent names of files of the posix store, and the objects that have them. A client keeps a
 * name and sends it back later, perhaps to another server process. This code has no state and owns
 * nothing. Any thread may call it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "server/base/identity.h"
#include "server/store/posix/posix.h"

#define HANDLE_ATTEMPTS 1000 /* the most attempts that were ever observed are two */

/* The bounds of one search: it then ends within some tens of milliseconds. */
#define ENTRIES_MAX 16384
#define LEVELS_MAX  32 /* also the most directories that are open at a time */

/*
 * A persistent name. It has no device number, because that may be another one after the file system
 * has been mounted again. Two names are equal only for the same file:
 *
 *   with a handle     the file system names the inode and its generation
 *   without a handle  (overlayfs, or a seccomp filter) the inode was born at the same nanosecond;
 *		       without a stable time of birth, a file has no name
 */
struct name {
	uint64_t fs; /* the number of the file system; 0: it has no stable one */
	uint64_t ino;
	uint64_t birth_ns;	   /* 0 if there is a handle */
	struct file_handle handle; /* its bytes follow; without a handle all of it is 0 */
};

#define ROOM(room) _Alignas(struct name) uint8_t room[STORE_NAME_MAX]

/* Get the number that the kernel makes of a device number, in f_fsid of XFS and of others. */
static uint64_t number_of_device(dev_t dev)
{
	uint64_t minor = minor(dev);

	return (minor & 0xff) | (uint64_t)major(dev) << 8 | (minor & ~0xffull) << 12;
}

/* Get the number of the file system, which stays when it is mounted again; 0: it has none. */
static uint64_t number_of_fs(int fd, dev_t dev)
{
	struct statfs fs;
	uint64_t number;

	if (fstatfs(fd, &fs))
		return 0;
	_Static_assert(sizeof(fs.f_fsid) == sizeof(number), "the kernel has 64 bits for it");
	memcpy(&number, &fs.f_fsid, sizeof(number));
	return number == number_of_device(dev) ? 0 : number;
}

static uint64_t birth_ns(int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &stx) || !(stx.stx_mask & STATX_BTIME))
		return 0;
	return (uint64_t)stx.stx_btime.tv_sec * 1000000000u + stx.stx_btime.tv_nsec;
}

static bool get_handle(int fd, struct file_handle *handle)
{
	int mount;

	handle->handle_bytes = MAX_HANDLE_SZ;
	if (!name_to_handle_at(fd, "", handle, &mount, AT_EMPTY_PATH))
		return true;
	*handle = (struct file_handle){0};
	return false;
}

size_t posix_name_of(int fd, uint8_t *out)
{
	ROOM(room) = {0};
	struct name *name = (void *)room;
	struct stat st;
	size_t len;

	_Static_assert(sizeof(*name) + MAX_HANDLE_SZ <= STORE_NAME_MAX, "a handle fits");
	if (fstat(fd, &st))
		return 0;
	name->fs = number_of_fs(fd, st.st_dev);
	name->ino = st.st_ino;
	if (!get_handle(fd, &name->handle)) {
		name->birth_ns = birth_ns(fd);
		if (!name->birth_ns)
			return 0;
	}
	len = sizeof(*name) + name->handle.handle_bytes;
	memcpy(out, room, len);
	return len;
}

static bool has_name(int held, struct bytes name)
{
	uint8_t own[STORE_NAME_MAX];

	return posix_name_of(held, own) == name.len && !memcmp(own, name.data, name.len);
}

bool posix_name_has_handle(const uint8_t *bytes)
{
	uint32_t len;

	memcpy(&len, bytes + offsetof(struct name, handle.handle_bytes), sizeof(len));
	return len;
}

size_t posix_name_numbered(int fd, uint64_t number, uint8_t *out)
{
	ROOM(room) = {0};
	struct name *name = (void *)room;
	struct stat st;

	if (fstat(fd, &st))
		return 0;
	name->fs = number_of_fs(fd, st.st_dev);
	name->ino = st.st_ino;
	memcpy(out, room, sizeof(*name));
	memcpy(out + sizeof(*name), &number, sizeof(number));
	return sizeof(*name) + sizeof(number);
}

bool posix_name_is(int fd, uint64_t number, struct bytes name)
{
	uint8_t own[STORE_NAME_MAX];
	size_t len = posix_name_of(fd, own);

	if (!len)
		len = posix_name_numbered(fd, number, own);
	return len && len == name.len && !memcmp(own, name.data, len);
}

static bool is_shortage(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM;
}

/* Hold the object at a path, if it has this name. The descriptor, -ESTALE, or a shortage. */
static int hold_path(struct posix_store *store, const char *path, struct bytes name)
{
	int held = posix_path_open(store, path, O_PATH, 0);

	if (held < 0)
		return is_shortage(held) ? held : -ESTALE;
	if (has_name(held, name))
		return held;
	close(held);
	return -ESTALE;
}

/*
 * Open the file of a handle with O_PATH, which gives no access to it. Returns the descriptor or
 * -errno. The kernel returns ENOMEM also while it gives the inode's number to a new file
 * (iget_locked() of Linux). That ends within microseconds, so the call is repeated.
 */
static int open_handle(struct posix_store *store, struct file_handle *handle)
{
	int fd = -1;

	for (int attempt = 0; attempt < HANDLE_ATTEMPTS; attempt++) {
		fd = open_by_handle_at(store->root, handle, O_PATH | O_CLOEXEC);
		if (fd >= 0 || errno != ENOMEM)
			break;
		sched_yield();
	}
	return fd < 0 ? -errno : fd;
}

unsigned posix_name_hindrances(const struct posix_store *store)
{
	ROOM(room) = {0};
	struct name *name = (void *)room;
	int fd;

	if (!get_handle(store->root, &name->handle))
		return STORE_NO_RIGHTS | STORE_NO_HANDLES |
		       (birth_ns(store->root) ? 0 : STORE_NO_NAMES);
	if (!identity_ignores_modes())
		return STORE_NO_RIGHTS;
	fd = open_by_handle_at(store->root, &name->handle, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return STORE_NO_RIGHTS;
	close(fd);
	return 0;
}

/*
 * Hold the file of a handle. A client sent the handle, so it may name any file of the file system.
 * So it is used only to learn a path. The object at that path, beneath the export, is taken if it
 * has the name. -EPERM: the server has not the privilege for this.
 */
static int hold_handle(struct posix_store *store, struct name *name, struct bytes bytes)
{
	char path[PATH_MAX];
	int held, err;

	held = open_handle(store, &name->handle);
	if (held < 0)
		return held == -EPERM || held == -ENOSYS || is_shortage(held) ? held : -ESTALE;
	err = posix_path_of(store, held, path);
	close(held);
	return err ? err : hold_path(store, path, bytes);
}

/*
 * The search for an object that has left its path, in directory after directory. It is for servers
 * that cannot open files by their handles, and for file systems without handles.
 */
struct name_search {
	uint64_t ino;
	struct bytes name;
	unsigned nr_left; /* entries that may still be looked at */
	DIR *levels[LEVELS_MAX];
	int nr_levels;
};

static int open_in(int dir, const char *name, int flags)
{
	return posix_open_beneath(dir, name, flags | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
}

/* Go down into a directory, whose descriptor belongs to the search from now on. */
static void push(struct name_search *search, int fd)
{
	DIR *dir = fd >= 0 && search->nr_levels < LEVELS_MAX ? fdopendir(fd) : NULL;

	if (dir)
		search->levels[search->nr_levels++] = dir;
	else if (fd >= 0)
		close(fd);
}

/* Look at an entry. Returns a descriptor that holds the object if this is it, or -1. */
static int look(struct name_search *search, int dir, const struct dirent *entry)
{
	int held;

	if (entry->d_ino != search->ino)
		return -1;
	held = open_in(dir, entry->d_name, O_PATH);
	if (held < 0)
		return -1;
	if (has_name(held, search->name))
		return held;
	close(held);
	return -1;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Look at what is in a directory, and below it if `deep`. The descriptor, or -1. */
static int look_below(struct name_search *search, int fd, bool deep)
{
	int held = -1;

	push(search, fd);
	while (held < 0 && search->nr_levels && search->nr_left) {
		DIR *dir = search->levels[search->nr_levels - 1];
		const struct dirent *entry = readdir(dir);

		if (!entry) {
			closedir(dir);
			search->nr_levels--;
			continue;
		}
		if (is_dots(entry->d_name))
			continue;
		search->nr_left--;
		held = look(search, dirfd(dir), entry);
		if (held < 0 && deep && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
			push(search, open_in(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY));
	}
	while (search->nr_levels)
		closedir(search->levels[--search->nr_levels]);
	return held;
}

/* Open the directory of a path; -errno: it is not there any more. */
static int open_parent(struct posix_store *store, const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, len);
	dir[len] = '\0';
	return posix_path_open(store, dir, O_RDONLY | O_DIRECTORY, 0);
}

/*
 * Search the directory of the path, and then the whole export, for the object of this name and
 * inode number. Returns the descriptor or -ESTALE.
 */
static int search_export(struct posix_store *store, const char *path, uint64_t ino,
			 struct bytes name)
{
	struct name_search search = {.ino = ino, .name = name, .nr_left = ENTRIES_MAX};
	int held = look_below(&search, open_parent(store, path), false);

	if (held < 0)
		held = look_below(&search, posix_path_open(store, "", O_RDONLY | O_DIRECTORY, 0),
				  true);
	return held < 0 ? -ESTALE : held;
}

int posix_name_hold(struct posix_store *store, const char *path, struct bytes bytes)
{
	ROOM(room);
	struct name *name = (void *)room;
	int held;

	if (bytes.len < sizeof(*name) || bytes.len > sizeof(room))
		return -ESTALE;
	memcpy(room, bytes.data, bytes.len);
	if (name->handle.handle_bytes != bytes.len - sizeof(*name))
		return -ESTALE;
	held = hold_path(store, path, bytes);
	if (held != -ESTALE)
		return held;
	if (name->handle.handle_bytes) {
		held = hold_handle(store, name, bytes);
		if (held != -EPERM && held != -ENOSYS)
			return held;
	}
	return search_export(store, path, name->ino, bytes);
}
