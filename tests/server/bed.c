/* The server that the player's cases are about. Owned by the test. */
#include "bed.h"

#include <criterion/criterion.h>
#include <string.h>

const char *const schemes[2] = {"loop", "tcp"};

struct server *bed_start_with(const char *scheme, const struct export_config *exports,
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

struct server *bed_start(const char *scheme, const struct server_config *extra)
{
	static const struct export_config exports[] = {
		{.name = "memory", .where = "memory:"},
		{.name = "readonly", .where = "null:1G", .read_only = true},
		{.name = "null", .where = "null:1G"},
		{.name = "errors", .where = "fault:read.eio=1/3,write.eio=1/5:memory:"},
		{.name = "slow", .where = "fault:read.delay_ms=20:memory:"},
	};
	const struct server_config usual = {.nr_workers = 2};

	return bed_start_with(scheme, exports, sizeof(exports) / sizeof(*exports),
			      extra ? *extra : usual);
}

void bed_connect(struct peer *peer, struct server *server)
{
	peer_connect(peer, server_address(server, 0));
}

bool bed_try(struct peer *peer, struct server *server)
{
	return peer_try(peer, server_address(server, 0));
}

void bed_open(struct peer *peer, struct server *server, const char *export)
{
	peer_open(peer, server_address(server, 0), export);
}
