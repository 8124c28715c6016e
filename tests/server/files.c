/* The server of real files. */
#include "files.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "bed.h"

char files_directory[64];

static void make_directory(const char *parent)
{
	snprintf(files_directory, sizeof(files_directory), "%s/usrbio-files-XXXXXX", parent);
	cr_assert(mkdtemp(files_directory));
}

struct server *files_start(const char *scheme, const char *parent)
{
	const struct export_config export = {.name = "files", .where = files_directory};

	make_directory(parent);
	return bed_start_with(scheme, &export, 1, (struct server_config){.nr_workers = 1});
}

struct server *files_start_twice(const char *scheme, const char *parent, const char *prefix,
				 const struct server_config *extra)
{
	char slow[256];
	const struct export_config exports[] = {
		{.name = "fast", .where = files_directory, .unlocked = true},
		{.name = "slow", .where = slow, .unlocked = true},
	};

	make_directory(parent);
	snprintf(slow, sizeof(slow), "%s%s", prefix, files_directory);
	return bed_start_with(scheme, exports, 2, *extra);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void files_stop(struct server *server)
{
	server_stop(server);
	cr_assert_eq(nftw(files_directory, remove_one, 64, FTW_DEPTH | FTW_PHYS), 0);
}
