/* Kinds of file systems that one host has for itself. No state. */
#ifndef USRBIO_COMMON_HOST_LOCAL_FS_H
#define USRBIO_COMMON_HOST_LOCAL_FS_H

#include <stdbool.h>

/* Is what fd refers to on one? Then whoever sees it is on this host, and its device tells it. */
bool local_fs(int fd);

#endif
