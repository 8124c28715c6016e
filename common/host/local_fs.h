/* Local file systems: the kinds that only one host can mount. */
#ifndef USRBIO_COMMON_HOST_LOCAL_FS_H
#define USRBIO_COMMON_HOST_LOCAL_FS_H

#include <stdbool.h>

/*
 * True if fd is on one of them. Then each process that sees it runs on this host, and its device
 * number identifies the file system.
 */
bool local_fs(int fd);

#endif
