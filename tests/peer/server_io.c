/* The I/Os of the played server: a queue, from which each is taken a step on, or put back. */
#include "tests/peer/server_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void play_queue_io(struct playserver *server, const struct play_io *io)
{
	must(server->tail - server->head < PLAY_IOS, "too many I/Os");
	server->ios[server->tail++ % PLAY_IOS] = *io;
}

static bool has_room(struct playserver *server, const struct play_io *io)
{
	return server->ops->msg_buf(io->conn->tp) != NULL;
}

static bool is_in_use(const struct playserver *server, const struct play_io *drop)
{
	for (uint32_t i = server->head; i != server->tail; i++) {
		const struct play_io *io = &server->ios[i % PLAY_IOS];

		if (io->op && io->conn == drop->conn && io->region == drop->region)
			return true;
	}
	return server->nr_moving;
}

/* A region is let go of when its I/Os are done. */
static bool finish_drop(struct playserver *server, const struct play_io *io)
{
	const struct message msg = {.type = MSG_REPLY, .reply = {.tag = io->tag}};
	struct region_add region = io->conn->regions[io->region];

	if (is_in_use(server, io) || !has_room(server, io))
		return false;
	must(region.size, "a region is dropped that is none");
	io->conn->regions[io->region].size = 0;
	atomic_fetch_add(&server->nr_drops, 1);
	play_send(server, io->conn, &msg);
	if (server->dropped)
		server->dropped(server, io->conn, &region);
	return true;
}

static bool post_read(struct playserver *server, const struct play_io *io, struct tp_op *op)
{
	struct play_io rest = *io;

	op->kind = TP_WRITE;
	op->has_imm = op->len == io->len && !server->no_imm;
	if (server->ops->post(io->conn->tp, op))
		return false;
	server->ops->flush(io->conn->tp);
	rest.moved = true;
	if (!op->has_imm)
		play_queue_io(server, &rest);
	return true;
}

static bool post_write(struct playserver *server, const struct play_io *io, struct tp_op *op)
{
	op->kind = TP_READ;
	op->cookie = malloc(sizeof(*io));
	must(op->cookie, "memory");
	memcpy(op->cookie, io, sizeof(*io));
	if (server->ops->post(io->conn->tp, op)) {
		free(op->cookie);
		return false;
	}
	server->ops->flush(io->conn->tp);
	server->nr_moving++;
	return true;
}

/* Take an I/O one step on. False: no room now. */
static bool serve(struct playserver *server, const struct play_io *io)
{
	const struct region_add *region = &io->conn->regions[io->region];
	uint64_t left = io->off < PLAY_SIZE ? PLAY_SIZE - io->off : 0;
	uint32_t len = (uint32_t)(io->len < left ? io->len : left);
	struct tp_op op = {.len = len,
			   .tag = io->tag,
			   .key = region->key,
			   .raddr = region->base + io->region_off,
			   .local = server->file + (len ? io->off : 0)};

	if (!io->op)
		return finish_drop(server, io);
	must(region->size >= io->region_off + io->len, "an I/O beyond its region");
	if (io->moved || !len) {
		if (!has_room(server, io))
			return false;
		play_complete(server, io->conn, io->tag, len);
		return true;
	}
	return io->op == IO_READ ? post_read(server, io, &op) : post_write(server, io, &op);
}

void play_serve_queue(struct playserver *server)
{
	uint32_t n = server->tail - server->head;

	if (atomic_load(&server->hold))
		return;
	while (n--) {
		struct play_io io = server->ios[server->head++ % PLAY_IOS];

		if (!io.conn->open || io.incarnation != io.conn->incarnation)
			continue;
		if (!serve(server, &io))
			play_queue_io(server, &io);
	}
}

static bool is_one_of(uint32_t tag, const uint32_t *tags, size_t n)
{
	while (n--)
		if (tags[n] == tag)
			return true;
	return false;
}

void play_abort_ios(struct playserver *server, struct play_conn *conn, const uint32_t *tags,
		    size_t n)
{
	uint32_t nr = server->tail - server->head;

	while (nr--) {
		struct play_io io = server->ios[server->head++ % PLAY_IOS];

		if (io.op && io.conn == conn && io.incarnation == conn->incarnation &&
		    is_one_of(io.tag, tags, n))
			play_complete(server, conn, io.tag,
				      server->aborted ? server->aborted : -ECANCELED);
		else
			play_queue_io(server, &io);
	}
}

void play_take_done(struct playserver *server, const struct tp_event *event)
{
	struct play_io *io = event->cookie;

	if (!io)
		return;
	server->nr_moving--;
	io->moved = true;
	if (!event->status && io->incarnation == io->conn->incarnation)
		play_queue_io(server, io);
	free(io);
}
