/*
 * Files with secrets: a client's key, a server's keyring. Sections "[id]" of lines "word = value";
 * '#' begins a comment. No state.
 */
#ifndef USRBIO_COMMON_AUTH_KEYFILE_H
#define USRBIO_COMMON_AUTH_KEYFILE_H

#include "common/auth/secret.h"

/* A line of the section `id`, or with word NULL that it begins. NULL, or what is wrong with it. */
typedef const char *keyfile_line(void *arg, const char *id, const char *word, char *value);

/*
 * Read a file, line by line. Refused unless it is a regular file of this user or root that nobody
 * else may read or write, and no link of another user's leads to it. 0; -EACCES, -EINVAL or what
 * open and read say, after one line in the log that names the file, and the line where it is one.
 */
int keyfile_read(const char *path, keyfile_line *line, void *arg);

/* "5f3a...": 64 hexadecimal digits. NULL, or what is wrong. */
const char *keyfile_secret(const char *value, struct secret *secret);
/* Write a file with a section of one key: new, and for the own user only. 0, -errno; not logged. */
int keyfile_write(const char *path, const char *id, const struct secret *secret);

#endif
