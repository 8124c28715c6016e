/*
 * The hf3fs_ functions about files and mounts. 3FS defines whether an error is positive or
 * negative, which differs between functions; only this file and api_ring.c know that. No state; any
 * thread.
 */
#include "client/base/hf3fs_exports.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/base/cancel.h"
#include "client/files/file.h"
#include "client/files/path.h"
#include "client/files/unsynced.h"

bool hf3fs_is_hf3fs(int fd)
{
	NOT_CANCELLED;
	return file_is_ours(fd);
}

int hf3fs_extract_mount_point(char *hf3fs_mount_point, int size, const char *path)
{
	NOT_CANCELLED;
	char canonical[PATH_MAX];
	struct mountspec spec;
	const char *rest;
	struct stat st;
	size_t need;

	/* The server does not serve devices, even if the directory is on a mount. */
	if (!path || stat(path, &st) || S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return -1;
	if (mountspec_of_path(path, &spec, canonical, &rest))
		return -1;
	need = strlen(spec.mount_point) + 1;
	if (hf3fs_mount_point && size > 0 && (size_t)size >= need)
		memcpy(hf3fs_mount_point, spec.mount_point, need);
	return (int)need;
}

int hf3fs_reg_fd(int fd, uint64_t flags)
{
	NOT_CANCELLED;
	int err = file_register(fd);

	(void)flags;
	return err ? -err : -fd;
}

void hf3fs_dereg_fd(int fd)
{
	NOT_CANCELLED;
	file_deregister(fd);
}

static int link_places(const struct resolved_path *target, const struct resolved_path *name)
{
	struct call call = {
		.op = CALL_LINK,
		.path = {(const uint8_t *)target->path, strlen(target->path)},
		.path2 = {(const uint8_t *)name->path, strlen(name->path)},
	};

	return mount_same(target->mount, name->mount) ? mount_call(target->mount, &call, NULL)
						      : -EXDEV;
}

static int hardlink(const char *target, const char *link_name)
{
	struct resolved_path from, to;
	int err = path_open(target, false, &from);

	if (err)
		return err;
	err = path_open(link_name, false, &to);
	if (!err) {
		err = link_places(&from, &to);
		path_close(&to);
	}
	path_close(&from);
	return err;
}

/*
 * Return err as +errno, and also set errno, because 3FS's Python binding uses errno for its
 * exception. If err is 0, errno is as before the call.
 */
static int plus_errno(int err, int errno_before)
{
	errno = err ? -err : errno_before;
	return -err;
}

int hf3fs_hardlink(const char *target, const char *link_name)
{
	NOT_CANCELLED;
	int before = errno;

	return plus_errno(hardlink(target, link_name), before);
}

/* Punch all ranges that are not empty, in one call. No file has bytes from INT64_MAX on. */
static int punch(struct file *file, int n, const size_t *start, const size_t *end)
{
	uint64_t range[2 * RANGES_MAX];
	struct call call = {.op = CALL_PUNCH, .range = range};

	for (int i = 0; i < n; i++) {
		uint64_t last = end[i] < INT64_MAX ? end[i] : INT64_MAX;

		if (start[i] >= last)
			continue;
		range[2 * call.nr_ranges] = start[i];
		range[2 * call.nr_ranges + 1] = last;
		call.nr_ranges++;
	}
	return call.nr_ranges ? file_change(file, &call) : 0;
}

static int punchhole(int fd, int n, const size_t *start, const size_t *end)
{
	struct file *file;
	int err;

	if (n <= 0)
		return 0;
	if (n > RANGES_MAX || !start || !end)
		return -EINVAL;
	err = file_of_fd(fd, &file);
	if (err)
		return err;
	err = file->flags & OPEN_WRITE ? punch(file, n, start, end) : -EBADF;
	file_put(file);
	return err;
}

int hf3fs_punchhole(int fd, int n, const size_t *start, const size_t *end, size_t flags)
{
	NOT_CANCELLED;
	int before = errno;

	(void)flags;
	return plus_errno(punchhole(fd, n, start, end), before);
}
