/* Temporary directories: made by the test, removed after it. */
#include "spec_dirs.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[PATH_MAX];

void dirs_open(void)
{
	char made[] = "/tmp/usrbio-test-XXXXXX";

	cr_assert(mkdtemp(made));
	cr_assert(realpath(made, root));
	setenv("USRBIO_MOUNTS", "/dev/null", 1);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void dirs_close(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *dirs_path(const char *fmt, ...)
{
	static char paths[32][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 32];
	va_list args;
	int used = snprintf(path, PATH_MAX, "%s", root);

	va_start(args, fmt);
	vsnprintf(path + used, PATH_MAX - (size_t)used, fmt, args);
	va_end(args);
	return path;
}

const char *dirs_make(const char *name)
{
	const char *path = dirs_path("%s", name);
	char part[PATH_MAX];

	for (const char *at = path + strlen(root) + 1;; at++) {
		if (*at && *at != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(at - path), path);
		mkdir(part, 0755);
		if (!*at)
			break;
	}
	cr_assert_eq(access(path, X_OK), 0, "%s", path);
	return path;
}

void dirs_write(const char *name, const char *text)
{
	FILE *file = fopen(dirs_path("%s", name), "w");

	cr_assert(file);
	for (; *text; text++) {
		if (*text == '@')
			fputs(root, file);
		else
			fputc(*text, file);
	}
	cr_assert_eq(fclose(file), 0);
}

void dirs_table(const char *text)
{
	dirs_write("/table", text);
	setenv("USRBIO_MOUNTS", dirs_path("/table"), 1);
}
