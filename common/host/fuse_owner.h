/* Who mounted a FUSE file system: it answers as it likes, owners and modes included. No state. */
#ifndef USRBIO_COMMON_HOST_FUSE_OWNER_H
#define USRBIO_COMMON_HOST_FUSE_OWNER_H

#include <sys/types.h>

/*
 * The user whom `mountinfo` (/proc/self/mountinfo) names for the file system with device `dev`;
 * root for virtiofs, which only root mounts. -ENOENT: not listed, or without such a name; -errno.
 */
int fuse_owner(const char *mountinfo, dev_t dev, uid_t *uid);

#endif
