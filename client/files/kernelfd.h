/* Descriptors of the kernel for files below a mounted directory. No state; any thread. */
#ifndef USRBIO_CLIENT_FILES_KERNELFD_H
#define USRBIO_CLIENT_FILES_KERNELFD_H

#include <stdbool.h>

#include "client/files/file.h"

/* True if fd is a file or directory below a mounted directory. */
bool kernelfd_is_ours(int fd);

/*
 * Open the file of fd at the server, with the present access mode of fd. 0 and a reference; -EBADF:
 * fd is closed, was opened with O_PATH, or is on no mount; -ESTALE: its name is gone, or leads to
 * another file here or at the server; or an error of the server.
 */
int kernelfd_open(int fd, struct file **file);

#endif
