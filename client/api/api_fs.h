/* What the calls of usrbio.h by path and those by directory have in common. */
#ifndef USRBIO_CLIENT_API_API_FS_H
#define USRBIO_CLIENT_API_API_FS_H

#include <stdint.h>

#include "client/mount/mount.h"
#include "client/usrbio.h"

/* OPEN_* of open(2)'s flags; others are ignored. */
uint32_t api_fs_open_flags(int flags);

/* A call about a descriptor of usrbio_open, file or directory. -EBADF: it is none. */
int api_fs_call(int fd, struct call *call, struct answer *answer);

/* What an open returns: fd, which stands for the file now, or err, and fd is closed. */
struct file;
int api_fs_published(int fd, struct file *file, int err);
void api_fs_stat_of(const struct answer *answer, struct usrbio_stat *st);

#endif
