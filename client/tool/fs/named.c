/* Splits a path into directory and name; see named.h. No state; any thread. */
#include "client/tool/fs/named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/base/tool.h"

/* Return the offset of the part that may be split: of a URL, what follows the export; else 0. */
static size_t first_name(const struct endpoint *endpoint, const char *path)
{
	const char *rest = endpoint->rest;

	return rest >= path && rest <= path + strlen(path) ? (size_t)(rest - path) : 0;
}

int named_split(const struct endpoint *endpoint, const char *path, char **parent, char **name)
{
	size_t min = first_name(endpoint, path), end = strlen(path), at, len;

	while (end > min && path[end - 1] == '/')
		end--;
	for (at = end; at > min && path[at - 1] != '/'; at--)
		;
	*name = strndup(path + at, end - at);
	/*
	 * The slash between directory and name is dropped, except that of "/" and the one that ends
	 * the export of a URL: these have a meaning.
	 */
	len = at;
	while (len > 1 && path[len - 1] == '/' && len > min)
		len--;
	*parent = at ? strndup(path, len) : strdup(".");
	if (!*name || !*parent)
		exit(fail_text("out of memory"));
	if (fs_is_component(*name))
		return 0;
	free(*name);
	free(*parent);
	return -EINVAL;
}
