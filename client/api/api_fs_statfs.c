/*
 * The functions of usrbio.h that return the numbers of a file system. Each makes one call to the
 * server. No state; any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "client/api/api_fs.h"
#include "client/base/cancel.h"

static void convert(const uint64_t *fs, struct statvfs *st)
{
	*st = (struct statvfs){
		.f_bsize = fs[FS_IO_SIZE],
		.f_frsize = fs[FS_BLOCK_SIZE],
		.f_blocks = fs[FS_BLOCKS],
		.f_bfree = fs[FS_BLOCKS_FREE],
		.f_bavail = fs[FS_BLOCKS_AVAILABLE],
		.f_files = fs[FS_FILES],
		.f_ffree = fs[FS_FILES_FREE],
		.f_favail = fs[FS_FILES_FREE], /* as statvfs(3) does */
		.f_fsid = fs[FS_ID],
		.f_flag = fs[FS_FLAGS],
		.f_namemax = fs[FS_NAME_MAX],
	};
}

/* Ask about a path, or about a descriptor if path is NULL. */
static int ask(const char *path, int fd, struct statvfs *st)
{
	struct call call = {.op = CALL_STATFS};
	struct answer *answer = malloc(sizeof(*answer)); /* too large for small stacks */
	int err;

	if (!answer)
		return -ENOMEM;
	err = path ? api_fs_path_call(path, true, &call, answer) : api_fs_call(fd, &call, answer);
	if (!err)
		convert(answer->reply.fs, st); /* reply_check.c has checked that they are there */
	free(answer);
	return err;
}

int usrbio_statfs(const char *path, struct statvfs *st)
{
	NOT_CANCELLED;
	return path && st ? ask(path, -1, st) : -EINVAL;
}

int usrbio_fstatfs(int fd, struct statvfs *st)
{
	NOT_CANCELLED;
	return st ? ask(NULL, fd, st) : -EINVAL;
}
