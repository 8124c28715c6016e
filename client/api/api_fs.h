/* The functions that api_fs.c and api_fs_at.c share. No state; any thread. */
#ifndef USRBIO_CLIENT_API_API_FS_H
#define USRBIO_CLIENT_API_API_FS_H

#include <stdint.h>

#include "client/mount/mount.h"
#include "client/usrbio.h"

/* Translate the flags of open(2) to OPEN_*; other flags are ignored. */
uint32_t api_fs_open_flags(int flags);

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
/* Convert the attributes of an answer. */
void api_fs_stat_of(const struct answer *answer, struct usrbio_stat *st);

#endif
