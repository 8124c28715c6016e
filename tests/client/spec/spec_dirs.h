/* A temporary directory with mount tables and conf files in it, for one test. */
#ifndef TESTS_CLIENT_SPEC_DIRS_H
#define TESTS_CLIENT_SPEC_DIRS_H

#include <stddef.h>

/* Make it, canonical, and let USRBIO_MOUNTS name no file. */
void dirs_open(void);
void dirs_close(void);
/* A path below it, in one of a few buffers used in turn. */
const char *dirs_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Make a directory below it, parents as well; its path. */
const char *dirs_make(const char *name);
/* Write a file below it; '@' in the text becomes the directory. */
void dirs_write(const char *name, const char *text);
/* Write a table and let USRBIO_MOUNTS name it. */
void dirs_table(const char *text);

#endif
