/* Kernel descriptors of files below a mounted directory. No state; any thread. */
#ifndef USRBIO_CLIENT_FILES_KERNELFD_H
#define USRBIO_CLIENT_FILES_KERNELFD_H

#include <stdbool.h>

#include "client/files/file.h"

/* True for a file or a directory on one of our mounts. */
bool kernelfd_is_ours(int fd);

/*
 * Open the file of fd at the server, with fd's present access mode. 0 and a reference; -EBADF
 * (closed, O_PATH, not ours), -ESTALE (its name is gone, or means another file here or at the
 * server), or an error of the server.
 */
int kernelfd_open(int fd, struct file **file);

#endif
