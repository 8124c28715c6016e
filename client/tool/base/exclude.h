/*
 * Patterns of names that a copy leaves out. The command owns them; they are constant while other
 * threads read them.
 */
#ifndef USRBIO_TOOL_EXCLUDE_H
#define USRBIO_TOOL_EXCLUDE_H

#include <stdbool.h>
#include <stddef.h>

struct exclude {
	const char **patterns; /* arguments of the program */
	size_t n;
};

/* Add a pattern. Ends the program if there is no memory. */
void exclude_add(struct exclude *exclude, const char *pattern);
void exclude_free(struct exclude *exclude);
/*
 * True if a pattern matches. A pattern with a slash, other than at its end, is compared with the
 * path below the source tree, `path`; others with the last name of it. With a slash at its end it
 * matches directories only.
 */
bool exclude_has(const struct exclude *exclude, const char *path, bool directory);

#endif
