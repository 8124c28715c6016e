/*
 * The user that mounted a FUSE file system. That user decides all answers of the file system,
 * including owners and modes.
 */
#ifndef USRBIO_COMMON_HOST_FUSE_OWNER_H
#define USRBIO_COMMON_HOST_FUSE_OWNER_H

#include <sys/types.h>

/*
 * Find the user that `mountinfo` (/proc/self/mountinfo) names for the file system with device
 * `dev`; root for virtiofs, which only root can mount. Returns 0 or -errno. -ENOENT: it is not
 * listed, or names no user.
 */
int fuse_owner(const char *mountinfo, dev_t dev, uid_t *uid);

#endif
