/* The servers that the player's cases are about: of memory, and of real files. Owned by the test.
 */
#include "fixture.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const schemes[2] = {"loop", "tcp"};

struct server *fixture_start_with(const char *scheme, const struct export_config *exports,
				  unsigned nr_exports, struct server_config config)
{
	struct listen_config listen = {.host = "127.0.0.1"};
	struct server *server;

	strcpy(listen.scheme, scheme);
	config.exports = exports;
	config.nr_exports = nr_exports;
	config.listens = &listen;
	config.nr_listens = 1;
	cr_assert_eq(server_start(&config, &server), 0);
	return server;
}

struct server *fixture_start(const char *scheme, const struct server_config *extra)
{
	static const struct export_config exports[] = {
		{.name = "memory", .where = "memory:"},
		{.name = "readonly", .where = "null:1G", .read_only = true},
		{.name = "null", .where = "null:1G"},
		{.name = "errors", .where = "fault:read.eio=1/3,write.eio=1/5:memory:"},
		{.name = "slow", .where = "fault:read.delay_ms=20:memory:"},
	};
	const struct server_config usual = {.nr_workers = 2};

	return fixture_start_with(scheme, exports, sizeof(exports) / sizeof(*exports),
				  extra ? *extra : usual);
}

void fixture_connect(struct peer *peer, struct server *server)
{
	peer_connect(peer, server_address(server, 0));
}

bool fixture_try(struct peer *peer, struct server *server)
{
	return peer_try(peer, server_address(server, 0));
}

void fixture_open(struct peer *peer, struct server *server, const char *export)
{
	peer_open(peer, server_address(server, 0), export);
}

void fixture_each_scheme(void (*body)(struct server *server), const struct server_config *config)
{
	for (size_t i = 0; i < 2; i++) {
		struct server *server = fixture_start(schemes[i], config);

		body(server);
		server_stop(server);
	}
}

/* ---- of real files ---- */

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
	return fixture_start_with(scheme, &export, 1, (struct server_config){.nr_workers = 1});
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
	return fixture_start_with(scheme, exports, 2, *extra);
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
