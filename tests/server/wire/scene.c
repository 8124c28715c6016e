/* A slow disk behind a server, and peers of it: the scene of barriers and aborts. */
#include "scene.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

uint8_t scene_byte(const char *name)
{
	char path[128];
	uint8_t byte = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", files_directory, name);
	fd = open(path, O_RDONLY);
	cr_assert(fd >= 0);
	cr_assert_eq(pread(fd, &byte, 1, 0), 1);
	close(fd);
	return byte;
}

void scene_ping(struct peer *peer)
{
	unsigned before = peer->heard.nr_pongs;

	peer_send(peer, &(struct message){.type = MSG_PING});
	peer_until(peer, peer->heard.nr_pongs > before || peer->link.closed);
}

void scene_submit(struct peer *peer, uint32_t op, uint32_t tag, uint64_t file, uint8_t byte)
{
	struct peer_io io = {
		.tag = tag, .file = file, .len = LEN, .region_off = op == IO_READ ? READ_AT : 0};

	if (op == IO_WRITE)
		memset(peer->memory, byte, LEN);
	peer_submit(peer, op, PRIORITY_NORMAL, &io, 1);
}

int64_t scene_result(struct peer *peer, uint32_t tag)
{
	peer_until(peer, peer->results[tag] != NO_RESULT || peer->link.closed);
	return peer->results[tag];
}

void scene_open(struct scene *scene, const char *scheme, const char *rules)
{
	const struct server_config config = {.nr_workers = 2, .session_ms = 60000};

	memset(&scene->new, 0, sizeof(scene->new));
	scene->server = files_start_twice(scheme, "/tmp", rules, &config);
	fixture_open(&scene->old, scene->server, "slow");
	fixture_open(&scene->fast, scene->server, "fast");
	scene->file = peer_open_file(&scene->old, "f", RW);
	scene->seen = peer_open_file(&scene->fast, "f", RW);
	cr_assert_eq(peer_io(&scene->fast, IO_WRITE, scene->seen, 0, LEN, 0), LEN);
}

void scene_resume(struct scene *scene)
{
	const struct hello hello = peer_hello_again(&scene->old, "slow", 1);

	scene_ping(&scene->old);
	fixture_connect(&scene->new, scene->server);
	peer_say_hello(&scene->new, &hello);
	while (!scene->new.heard.nr_welcomes) {
		if (!scene->old.link.closed)
			peer_step(&scene->old);
		peer_step(&scene->new);
	}
	cr_assert_eq(scene->new.heard.welcome.status, 0);
	peer_add_region(&scene->new, 0, 0, PEER_MEMORY, ACCESS_READ | ACCESS_WRITE);
}

void scene_close(struct scene *scene)
{
	peer_close(&scene->old);
	if (scene->new.memory)
		peer_close(&scene->new);
	peer_close(&scene->fast);
	files_stop(scene->server);
}

void scene_outlast(struct peer *peer)
{
	uint64_t other = peer_open_file(peer, "other", RW);

	cr_assert_eq(peer_io(peer, IO_WRITE, other, 0, LEN, 0), LEN);
}
