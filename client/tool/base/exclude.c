/* Patterns of names that are left out; see exclude.h. The command owns them; any thread reads. */
#include "client/tool/base/exclude.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/base/tool.h"

void exclude_add(struct exclude *exclude, const char *pattern)
{
	exclude->patterns = reallocarray(exclude->patterns, exclude->n + 1, sizeof(char *));
	if (!exclude->patterns)
		exit(fail_text("out of memory"));
	exclude->patterns[exclude->n++] = pattern;
}

void exclude_free(struct exclude *exclude)
{
	free(exclude->patterns);
	*exclude = (struct exclude){0};
}

static bool matches(const char *pattern, const char *path, bool directory)
{
	const char *slash = strrchr(path, '/');
	size_t len = strlen(pattern);
	char text[PATH_MAX];

	if (!len || len >= sizeof(text))
		return false;
	strcpy(text, pattern);
	if (text[len - 1] == '/') {
		if (!directory)
			return false;
		text[len - 1] = '\0';
	}
	if (!strchr(text, '/'))
		return !fnmatch(text, slash ? slash + 1 : path, 0);
	return !fnmatch(text + (*text == '/'), path, FNM_PATHNAME);
}

bool exclude_has(const struct exclude *exclude, const char *path, bool directory)
{
	for (size_t i = 0; i < exclude->n; i++) {
		if (matches(exclude->patterns[i], path, directory))
			return true;
	}
	return false;
}
