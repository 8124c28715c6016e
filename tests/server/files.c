/* The server of real files. */
#include "files.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char files_directory[64];

struct server *files_start(const char *scheme, const char *parent)
{
	struct export_config export = {.name = "files", .where = files_directory};
	struct listen_config listen = {.host = "127.0.0.1"};
	const struct server_config config = {.exports = &export,
					     .nr_exports = 1,
					     .listens = &listen,
					     .nr_listens = 1,
					     .nr_workers = 1};
	struct server *server;

	snprintf(files_directory, sizeof(files_directory), "%s/usrbio-files-XXXXXX", parent);
	cr_assert(mkdtemp(files_directory));
	strcpy(listen.scheme, scheme);
	cr_assert_eq(server_start(&config, &server), 0);
	return server;
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
