/*
 * usrbio_xattr.h: a part of usrbio.h, whose first comment holds here, too. The functions are about
 * extended attributes of a path (of a symbolic link itself with an l in front), of an open file, or
 * of a name in an open directory (at_flags: 0, or AT_SYMLINK_NOFOLLOW for a link itself).
 *
 * Names are "user." with more behind it, "system.posix_acl_access" and "system.posix_acl_default",
 * whose values are as Linux has them in memory, with uids and gids of the server's machine. Errors
 * of all: -EOPNOTSUPP: another name, or the server's file system has no such attributes; -ERANGE:
 * the name is "" or longer than 255 bytes; -ENODATA: there is no such attribute; -EPERM: of this
 * kind of file, or as of usrbio_chmod; -EACCES, -EROFS, ... Values and lists of names of more than
 * 8,192 bytes do not travel: -E2BIG.
 */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library hides all symbols except those that are declared in its public headers. */
#pragma GCC visibility push(default)

/*
 * Get a value. value: the buffer, of `size` bytes; 0: nothing is written. Returns the length of the
 * value in bytes. -ERANGE: also if the buffer is too small.
 */
int usrbio_getxattr(const char *path, const char *name, void *value, size_t size);
int usrbio_lgetxattr(const char *path, const char *name, void *value, size_t size);
int usrbio_fgetxattr(int fd, const char *name, void *value, size_t size);
int usrbio_getxattrat(int dirfd, const char *file, int at_flags, const char *name, void *value,
		      size_t size);
/*
 * Set a value. flags: 0; XATTR_CREATE (1): -EEXIST if there is one; XATTR_REPLACE (2): -ENODATA if
 * there is none. 0; -ENOSPC: there is no room for it; ...
 */
int usrbio_setxattr(const char *path, const char *name, const void *value, size_t size, int flags);
int usrbio_lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags);
int usrbio_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
int usrbio_setxattrat(int dirfd, const char *file, int at_flags, const char *name,
		      const void *value, size_t size, int flags);
/* Get the names, each ended by a zero byte, as usrbio_getxattr gets a value. */
int usrbio_listxattr(const char *path, char *names, size_t size);
int usrbio_llistxattr(const char *path, char *names, size_t size);
int usrbio_flistxattr(int fd, char *names, size_t size);
int usrbio_listxattrat(int dirfd, const char *file, int at_flags, char *names, size_t size);
/* Remove an attribute. 0; -ENODATA, ... */
int usrbio_removexattr(const char *path, const char *name);
int usrbio_lremovexattr(const char *path, const char *name);
int usrbio_fremovexattr(int fd, const char *name);
int usrbio_removexattrat(int dirfd, const char *file, int at_flags, const char *name);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
