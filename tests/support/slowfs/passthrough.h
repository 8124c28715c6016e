/* The file system of slowfs: each operation asks the rules, then does the same in a directory. */
#ifndef USRBIO_TESTS_SUPPORT_SLOWFS_PASSTHROUGH_H
#define USRBIO_TESTS_SUPPORT_SLOWFS_PASSTHROUGH_H

struct fuse_lowlevel_ops;

/* Open the directory behind the root. 0 or -errno. */
int passthrough_open(const char *backing);
extern const struct fuse_lowlevel_ops passthrough_ops;

#endif
