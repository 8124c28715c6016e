/* The functions that the files api_fs*.c share. No state; any thread. */
#ifndef USRBIO_CLIENT_API_API_FS_H
#define USRBIO_CLIENT_API_API_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "client/calls/mount_call.h"
#include "client/files/path.h"
#include "client/mount/mount.h"
#include "proto/message.h"
#include "client/usrbio.h"

/* Translate the flags of renameat2(2): 0, RENAME_NOREPLACE or RENAME_EXCHANGE. 0; -EINVAL: others.
 */
int api_fs_rename_flags(unsigned flags, uint32_t *ours);
/* Translate the flags of open(2) to OPEN_*; other flags are ignored. */
uint32_t api_fs_open_flags(int flags);

static inline struct bytes api_fs_text(const char *string)
{
	return (struct bytes){(const uint8_t *)string, strlen(string)};
}

/*
 * Make a call about one path; this function sets call->path. follow: a symbolic link at the end of
 * the path may decide which mount it is on. answer: may be NULL. 0 or -errno.
 */
int api_fs_path_call(const char *path, bool follow, struct call *call, struct answer *answer);
/* The same for a call about two paths, CALL_RENAME or CALL_LINK. -EXDEV: they are on two mounts. */
int api_fs_paths_call(const char *from, const char *to, struct call *call);
/* The same for a name in an open directory. -EBADF: dirfd is no descriptor of usrbio_open. */
int api_fs_name_call(int dirfd, const char *name, struct call *call, struct answer *answer);
/* The same for two names in open directories. */
int api_fs_names_call(int olddirfd, const char *from, int newdirfd, const char *to,
		      struct call *call);

/* Make a call about a descriptor of usrbio_open. 0 or -errno; -EBADF: it is none. */
int api_fs_call(int fd, struct call *call, struct answer *answer);

/* Do the same for a call that changes the file. */
int api_fs_change(int fd, const struct call *call);

struct file;
/*
 * End an open. If err is 0, the descriptor fd stands for the file, takes over its reference, and is
 * returned. Otherwise fd is closed, if it is not negative, and err is returned.
 */
int api_fs_published(int fd, struct file *file, int err);
/* Convert attributes; `host` as in struct answer. */
struct usrbio_stat api_fs_stat_of(const struct file_attr *attr, uint64_t host);
/* Do path_open with the errors of usrbio.h: -ENOENT if the path is on no mount. */
int api_fs_locate(const char *path, bool follow, struct resolved_path *place);

#endif
