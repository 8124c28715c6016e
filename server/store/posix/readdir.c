/*
 * Directory listings of the posix store. There is no state between two calls: the position is the
 * file system's cookie of the next entry. The caller owns the buffers. Any thread may call this.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/name.h"
#include "server/store/posix/posix.h"

#define DENTS_SIZE 32768

static uint32_t type_of(int dir, const struct dirent64 *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN || fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
		return entry->d_type;
	return IFTODT(st.st_mode);
}

/* Add an entry. False: it does not fit any more. */
static bool add_entry(int dir, const struct dirent64 *entry, struct store_dirents *out)
{
	size_t len = strlen(entry->d_name) + 1;

	/* Leave out names that no client accepts: vfat in UTF-8 may have longer ones. */
	if (!name_is_plain(entry->d_name, len - 1) || len - 1 > PROTO_NAME_MAX)
		return true;
	if (out->n == out->max || len > out->room - out->used)
		return false;
	memcpy(out->names + out->used, entry->d_name, len);
	out->used += len;
	out->types[out->n++] = type_of(dir, entry);
	return true;
}

/*
 * Add some entries. Returns 1 to go on, 0 at the end or when `out` is full, or -errno. out->next is
 * the cookie of the entry behind the last one.
 */
static int add_some(int dir, struct store_dirents *out)
{
	_Alignas(struct dirent64) char buf[DENTS_SIZE];
	ssize_t len = getdents64(dir, buf, sizeof(buf));

	if (len <= 0) {
		out->next = 0;
		return len < 0 ? -errno : 0;
	}
	for (ssize_t at = 0; at < len;) {
		const struct dirent64 *entry = (void *)(buf + at);

		if (!add_entry(dir, entry, out))
			return out->n ? 0 : -EINVAL;
		out->next = (uint64_t)entry->d_off;
		at += entry->d_reclen;
	}
	return 1;
}

/* List a directory and close it. `dir` may be -errno, which is returned. */
static int list(int dir, uint64_t start, struct store_dirents *out)
{
	int more = 1;

	if (dir < 0)
		return dir;
	out->n = 0;
	out->used = 0;
	out->next = start;
	if (start && lseek(dir, (off_t)start, SEEK_SET) < 0)
		more = -errno;
	while (more > 0)
		more = add_some(dir, out);
	close(dir);
	return more;
}

int posix_readdir(struct store *base, const char *path, uint64_t start, struct store_dirents *out)
{
	if (start > INT64_MAX)
		return -EINVAL;
	return list(posix_path_open(posix_store_of(base), path, O_RDONLY | O_DIRECTORY, 0), start,
		    out);
}

/* The directory is opened again, so that several calls can list it, each at its own position. */
int posix_readdir_file(struct store_file *base, uint64_t start, struct store_dirents *out)
{
	struct posix_file *file = posix_file_of(base);
	char name[PROC_FD_MAX];
	int err, dir;

	if (base->regular)
		return -ENOTDIR;
	if (start > INT64_MAX)
		return -EINVAL;
	err = posix_check_beneath(posix_store_of(base->store), file);
	if (err)
		return err;
	dir = open(posix_proc_fd(file->fd, name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return list(dir < 0 ? -errno : dir, start, out);
}
