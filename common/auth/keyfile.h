/*
 * Files with secrets: a client's key, a server's keyring. A file has sections "[id]" of lines
 * "word = value", and '#' begins a comment. No state.
 */
#ifndef USRBIO_COMMON_AUTH_KEYFILE_H
#define USRBIO_COMMON_AUTH_KEYFILE_H

#include "common/auth/secret.h"

/* Take a line of the section `id`, or with a NULL word its beginning. NULL, or what is wrong. */
typedef const char *keyfile_line(void *arg, const char *id, const char *word, char *value);

/*
 * Read a file line by line. It must be a regular file of this user or root that no other user may
 * read or write, and no link of another user may lead to it. 0, or -EACCES, -EINVAL or an error of
 * open and read, after one log line that names the file, and the number of the line if it has one.
 */
int keyfile_read(const char *path, keyfile_line *line, void *arg);

/* Parse a key of 64 hexadecimal digits. NULL, or what is wrong. */
const char *keyfile_secret(const char *value, struct secret *secret);
/* Create a file with a section of one key, for this user only. 0 or -errno, without a log line. */
int keyfile_write(const char *path, const char *id, const struct secret *secret);

#endif
