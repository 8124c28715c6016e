/*
 * The numbers of the file systems of the posix store. The server owns the store. This code has no
 * state, and any thread may call it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "server/store/posix/posix.h"

#define SECTOR 512u

/*
 * Fill in the numbers of the file system of an open or held object. A file system in user space may
 * leave sizes at 0, by which no program expects to divide.
 */
static int fill(int fd, uint64_t fs[NR_FS_NUMBERS])
{
	struct statvfs st;

	if (fstatvfs(fd, &st))
		return -errno;
	memset(fs, 0, NR_FS_NUMBERS * sizeof(*fs));
	fs[FS_IO_SIZE] = st.f_bsize ? st.f_bsize : SECTOR;
	fs[FS_BLOCK_SIZE] = st.f_frsize ? st.f_frsize : fs[FS_IO_SIZE];
	fs[FS_BLOCKS] = st.f_blocks;
	fs[FS_BLOCKS_FREE] = st.f_bfree;
	fs[FS_BLOCKS_AVAILABLE] = st.f_bavail;
	fs[FS_FILES] = st.f_files;
	fs[FS_FILES_FREE] = st.f_ffree;
	fs[FS_NAME_MAX] = st.f_namemax < PROTO_NAME_MAX ? st.f_namemax : PROTO_NAME_MAX;
	fs[FS_ID] = st.f_fsid;
	return 0;
}

int posix_stat_fs(struct store *base, const char *path, uint64_t fs[NR_FS_NUMBERS])
{
	int fd = posix_path_open(posix_store_of(base), path, O_PATH, 0), err;

	if (fd < 0)
		return fd;
	err = fill(fd, fs);
	close(fd);
	return err;
}

int posix_stat_fs_file(struct store_file *file, uint64_t fs[NR_FS_NUMBERS])
{
	return fill(posix_file_of(file)->fd, fs);
}
