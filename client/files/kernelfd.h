/* Descriptors of the kernel's that lie below a mounted directory. No state; any thread. */
#ifndef USRBIO_CLIENT_FILES_KERNELFD_H
#define USRBIO_CLIENT_FILES_KERNELFD_H

#include <stdbool.h>

#include "client/files/file.h"

/* Is it a file or a directory on a mount of ours? */
bool kernelfd_is_ours(int fd);

/*
 * Open at the server what fd stands for, with fd's access mode of now. 0 and a reference; -EBADF
 * (closed, O_PATH, not ours), -ESTALE (its name is gone, or means another file here or at the
 * server), or the server's.
 */
int kernelfd_open(int fd, struct file **file);

#endif
