/* Ways out of an export, for test_escape.c. */
#ifndef USRBIO_TESTS_STORE_ESCAPES_H
#define USRBIO_TESTS_STORE_ESCAPES_H

#include <stddef.h>

/* A symbolic link to be made in the export. */
struct escape_link {
	const char *target, *name;
};

extern const struct escape_link escape_links[];
extern const size_t nr_escape_links;

/* Paths that a client might ask for; below "mount" another file system may be mounted. */
extern const char *const escape_paths[];
extern const size_t nr_escape_paths;

#endif
