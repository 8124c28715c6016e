/*
 * Files with secrets: a client's key, a server's keyring. A file has sections "[id]" of lines "word
 * = value". A line that begins with '#' is a comment.
 */
#ifndef USRBIO_COMMON_AUTH_KEYFILE_H
#define USRBIO_COMMON_AUTH_KEYFILE_H

#include "common/auth/secret.h"

/*
 * Take a line of the section `id`; a NULL word means that the section begins. Returns NULL, or a
 * text that says what is wrong.
 */
typedef const char *keyfile_line(void *arg, const char *id, const char *word, char *value);

/*
 * Read a file line by line. It must be a regular file of this user or root that no other user may
 * read or write, and no link of another user may lead to it. Returns 0. After -EACCES, -EINVAL or
 * an error of open() and read(), one log line names the file, and the line if one is wrong.
 */
int keyfile_read(const char *path, keyfile_line *line, void *arg);

/* Parse a key of 64 hexadecimal digits. Returns NULL, or a text that says what is wrong. */
const char *keyfile_secret(const char *value, struct secret *secret);
/* Create a file with one key that only this user can read. Returns 0 or -errno; it does not log. */
int keyfile_write(const char *path, const char *id, const struct secret *secret);

#endif
