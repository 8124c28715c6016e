/*
 * The surroundings of an export that its paths shall not reach: a directory beside it, with files,
 * and links in the export that lead there. A case runs in it without privileges. One at a time.
 */
#ifndef USRBIO_TESTS_STORE_OUTSIDE_H
#define USRBIO_TESTS_STORE_OUTSIDE_H

#include "tests/store/fixture.h"

/* Make all of it, chdir to the outside, and give up root's privileges. */
void outside_prepare(struct fixture *fixture);
/* Take the privileges back. */
void outside_leave(struct fixture *fixture);
/* All names outside with their modes, links, sizes and times; free it. */
char *outside_snapshot(void);
/* Make a file with "secret" in it. */
void outside_write_file(const char *dir, const char *name);

#endif
