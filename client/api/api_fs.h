/* The functions that the calls of usrbio.h by path and those by directory share. */
#ifndef USRBIO_CLIENT_API_API_FS_H
#define USRBIO_CLIENT_API_API_FS_H

#include <stdint.h>

#include "client/mount/mount.h"
#include "client/usrbio.h"

/* Translate the flags of open(2) to OPEN_*; other flags are ignored. */
uint32_t api_fs_open_flags(int flags);

/* Make a call about a descriptor of usrbio_open, file or directory. -EBADF: it is not one. */
int api_fs_call(int fd, struct call *call, struct answer *answer);

/* Return the result of an open: fd, which stands for the file now; or err, after closing fd. */
struct file;
int api_fs_published(int fd, struct file *file, int err);
void api_fs_stat_of(const struct answer *answer, struct usrbio_stat *st);

#endif
