/* The played server: a loop around poll, its connections, and what it answers. */
#include "tests/peer/server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/provider/provider.h"
#include "common/transport/addr.h"
#include "proto/codec.h"
#include "tests/peer/message.h"
#include "tests/peer/server_io.h"

void play_send_raw(struct playserver *server, struct play_conn *conn, const void *frame, size_t len)
{
	void *buf = server->ops->msg_buf(conn->tp);

	/* If the client has gone, TP_EV_CLOSED follows; else TP_EV_READY does. */
	conn->unsent |= !buf;
	if (!buf)
		return;
	memcpy(buf, frame, len);
	server->ops->msg_send(conn->tp, len);
	server->ops->flush(conn->tp);
}

void play_send(struct playserver *server, struct play_conn *conn, const struct message *msg)
{
	uint8_t frame[FRAME_MAX];

	play_send_raw(server, conn, frame, message_frame(msg, frame, sizeof(frame)));
}

void play_complete(struct playserver *server, struct play_conn *conn, uint32_t tag, int64_t result)
{
	struct io_result done;
	const struct message msg = message_completion(&done, tag, result);

	play_send(server, conn, &msg);
}

void play_imm(struct playserver *server, struct play_conn *conn, uint32_t tag)
{
	const struct tp_op op = {
		.kind = TP_WRITE, .has_imm = true, .tag = tag, .local = server->file};

	must(!server->ops->post(conn->tp, &op), "no room for an immediate");
	server->ops->flush(conn->tp);
}

/* The status of the welcome. */
static int judge(struct playserver *server, const struct hello *hello)
{
	server->last_epoch = hello->epoch;
	if (atomic_load(&server->early)) {
		atomic_fetch_sub(&server->early, 1);
		return -EAGAIN;
	}
	if (!hello->session_id.len)
		return server->refuse;
	if (atomic_exchange(&server->forget, false)) {
		server->boot_id++;
		return -ESTALE;
	}
	if (hello->epoch)
		atomic_fetch_add(&server->nr_resumed, 1);
	return server->refuse;
}

static void welcome(struct playserver *server, struct play_conn *conn, const struct hello *hello)
{
	struct message msg = {.type = MSG_WELCOME,
			      .welcome = welcome_new(server->max_inflight, server->max_regions)};

	msg.welcome.status = judge(server, hello);
	msg.welcome.boot_id = server->boot_id;
	msg.welcome.verifier = server->verifier;
	msg.welcome.export_flags = server->export_flags;
	msg.welcome.features =
		(server->no_imm ? 0 : FEATURE_IMM) | (server->counters ? FEATURE_COUNTERS : 0);
	atomic_fetch_add(&server->nr_welcomes, 1);
	play_send(server, conn, &msg);
}

static void leave_unanswered(struct play_conn *conn, uint32_t tag)
{
	if (conn->unanswered_incarnation != conn->incarnation)
		conn->nr_unanswered = 0;
	conn->unanswered_incarnation = conn->incarnation;
	must(conn->nr_unanswered < CALL_SLOTS, "more calls than slots");
	conn->unanswered[conn->nr_unanswered++] = tag;
}

/* An aborted call is answered if it was not before. */
static void abort_call(struct playserver *server, struct play_conn *conn, uint32_t tag)
{
	const struct message msg = {.type = MSG_REPLY, .reply = {.tag = tag, .status = -ECANCELED}};

	atomic_fetch_add(&server->nr_call_aborts, 1);
	if (server->ignore_aborts || conn->unanswered_incarnation != conn->incarnation)
		return;
	for (unsigned i = 0; i < conn->nr_unanswered; i++)
		if (conn->unanswered[i] == tag) {
			conn->unanswered[i] = conn->unanswered[--conn->nr_unanswered];
			play_send(server, conn, &msg);
			return;
		}
}

static void answer_call(struct playserver *server, struct play_conn *conn, const struct call *call)
{
	struct message msg = {
		.type = MSG_REPLY,
		.reply = {.tag = call->tag,
			  .status = call->op == CALL_REOPEN ? server->reopen : server->answer,
			  .file = 7,
			  .verifier = server->verifier,
			  .attr_valid = 1,
			  .attr = {.mode = S_IFREG | 0600, .size = PLAY_SIZE}},
	};

	bool mute = atomic_load(&server->mute);

	server->last_replay = call->replay;
	server->last_call = call->tag;
	atomic_fetch_add(&server->nr_calls, 1);
	if (call->op == CALL_REOPEN)
		atomic_fetch_add(&server->nr_reopens, 1);
	if (call->op == CALL_COUNTERS) {
		must(server->counters, "the client asks for counters that it was not offered");
		server->counters(server, conn, call);
		return;
	}
	if (call->op == CALL_CLOSE)
		atomic_fetch_add(&server->nr_closes, 1);
	if (mute) {
		leave_unanswered(conn, call->tag);
		return;
	}
	if (server->tell)
		server->tell(server, call, &msg.reply);
	play_send(server, conn, &msg);
}

static void take_batch(struct playserver *server, struct play_conn *conn,
		       const struct submit *submit)
{
	unsigned nr = atomic_load(&server->nr_batches);

	server->last_tag = io_tag(&submit->io[submit->n - 1]);
	if (nr < sizeof(server->batches) / sizeof(*server->batches))
		server->batches[nr] = (struct play_batch){.op = submit->op,
							  .flags = submit->flags,
							  .priority = submit->priority,
							  .n = (uint32_t)submit->n,
							  .nr_calls = server->nr_calls};
	atomic_store(&server->nr_batches, nr + 1);
	if (server->cut_every && nr % server->cut_every == server->cut_every - 1) {
		atomic_store(&server->forget, nr / server->cut_every % 2);
		atomic_store(&server->cut, true);
	}
	if (server->lie) {
		server->lie(server, conn, submit);
		if (server->lie_once)
			server->lie = NULL;
		return;
	}
	for (size_t i = 0; i < submit->n; i++)
		play_queue_io(server, &(struct play_io){.conn = conn,
							.incarnation = conn->incarnation,
							.tag = io_tag(&submit->io[i]),
							.op = submit->op,
							.region = io_region(&submit->io[i]),
							.off = submit->io[i].off,
							.len = submit->io[i].len,
							.region_off = submit->io[i].region_off});
}

/* A drop is answered once the I/Os queued before it are done: it waits in the same queue. */
static void take_drop(struct playserver *server, struct play_conn *conn,
		      const struct region_drop *drop)
{
	atomic_fetch_add(&server->nr_drops_asked, 1);
	if (server->lie_about_drop) {
		server->lie_about_drop(server, conn, drop->tag);
		server->lie_about_drop = NULL;
		return;
	}
	play_queue_io(server, &(struct play_io){.conn = conn,
						.incarnation = conn->incarnation,
						.tag = drop->tag,
						.region = drop->region});
}

static void take_message(struct playserver *server, struct play_conn *conn, const void *frame,
			 size_t len)
{
	struct message msg;

	must(!codec_decode(&server->arena, frame, len, &msg), "the client sent no message");
	if (atomic_load(&server->deaf))
		return;
	switch (msg.type) {
	case MSG_HELLO:
		welcome(server, conn, &msg.hello);
		break;
	case MSG_REGION_ADD:
		atomic_fetch_add(&server->nr_adds, 1);
		must(msg.region_add.region < server->max_regions, "a region too many");
		must(!conn->regions[msg.region_add.region].size, "a region twice");
		conn->regions[msg.region_add.region] = msg.region_add;
		break;
	case MSG_REGION_DROP:
		take_drop(server, conn, &msg.region_drop);
		break;
	case MSG_ABORT:
		atomic_fetch_add(&server->nr_aborts, (unsigned)msg.abort.nr_ios);
		if (!server->ignore_aborts)
			play_abort_ios(server, conn, msg.abort.ios, msg.abort.nr_ios);
		for (size_t i = 0; i < msg.abort.nr_calls; i++)
			abort_call(server, conn, msg.abort.calls[i]);
		for (size_t i = 0; i < msg.abort.nr_former; i++)
			server->last_former = msg.abort.former[i];
		atomic_fetch_add(&server->nr_former, (unsigned)msg.abort.nr_former);
		break;
	case MSG_SUBMIT:
		take_batch(server, conn, &msg.submit);
		break;
	case MSG_CALL:
		answer_call(server, conn, &msg.call);
		break;
	case MSG_GOODBYE:
		server->ops->disconnect(conn->tp);
		break;
	case MSG_PING:
		atomic_fetch_add(msg.ping.pong ? &server->nr_pongs : &server->nr_pings, 1);
		if (msg.ping.pong)
			break;
		msg.ping.pong = 1;
		play_send(server, conn, &msg);
		break;
	default:
		must(false, "the client sent a message of type %d", msg.type);
	}
}

static void take_request(struct playserver *server, struct tp_request *request)
{
	if (atomic_load(&server->full)) {
		atomic_fetch_sub(&server->full, 1);
		server->ops->accept(NULL, request, NULL, NULL);
		return;
	}
	for (unsigned i = 0; i < PLAY_CONNS; i++) {
		struct play_conn *conn = &server->conns[i];

		if (conn->tp)
			continue;
		*conn = (struct play_conn){.incarnation = conn->incarnation + 1};
		must(!server->ops->accept(server->domain, request, conn, &conn->tp), "accept");
		conn->open = true;
		return;
	}
	must(false, "too many connections");
}

static void take_event(struct playserver *server, const struct tp_event *event)
{
	struct play_conn *conn = event->conn ? event->conn->user : NULL;

	switch (event->type) {
	case TP_EV_REQUEST:
		take_request(server, event->request);
		break;
	case TP_EV_MSG:
		if (conn->open)
			take_message(server, conn, event->msg, event->len);
		break;
	case TP_EV_READY:
		must(!conn->unsent, "no room for a message");
		break;
	case TP_EV_DONE:
		play_take_done(server, event);
		break;
	case TP_EV_CLOSED:
		/* What the queue holds of it is skipped; the slot is reused once the queue is
		 * through. */
		conn->open = false;
		atomic_fetch_add(&server->nr_ended, 1);
		server->ops->conn_free(conn->tp);
		conn->tp = NULL;
		break;
	default:
		break;
	}
}

/* Nothing is said or done any more on those that are over. */
static void cut_all(struct playserver *server)
{
	for (unsigned i = 0; i < PLAY_CONNS; i++) {
		if (!server->conns[i].tp)
			continue;
		server->conns[i].open = false;
		server->ops->disconnect(server->conns[i].tp);
	}
}

static void ping_all(struct playserver *server)
{
	const struct message msg = {.type = MSG_PING, .ping = {.nonce = 77}};

	for (unsigned i = 0; i < PLAY_CONNS; i++)
		if (server->conns[i].open)
			play_send(server, &server->conns[i], &msg);
}

static void turn(struct playserver *server)
{
	struct tp_event events[32];
	int n = server->ops->poll(server->domain, events, 32);

	for (int i = 0; i < n; i++)
		take_event(server, &events[i]);
	play_serve_queue(server);
	if (atomic_exchange(&server->cut, false))
		cut_all(server);
	if (atomic_exchange(&server->ping, false))
		ping_all(server);
	if (!n && !server->ops->arm(server->domain)) {
		struct pollfd fd = {.fd = server->domain->fd, .events = POLLIN};

		poll(&fd, 1, 1); /* to see the flags */
	}
}

static void *run(void *arg)
{
	struct playserver *server = arg;

	while (!atomic_load(&server->stop))
		turn(server);
	return NULL;
}

void play_start(struct playserver *server)
{
	static const struct tp_domain_config config = {.msg_max = FRAME_MAX,
						       .nr_recvs = 64,
						       .nr_sends = 256,
						       .nr_posts = 64,
						       .nr_conns = PLAY_CONNS,
						       .numa = -1};
	static _Atomic unsigned number;
	struct tp_addr addr;
	char name[40];

	if (!server->max_inflight)
		server->max_inflight = 1024;
	if (!server->max_regions)
		server->max_regions = 256;
	server->boot_id = 42;
	server->verifier = 1;
	server->ops = provider_find("loop");
	snprintf(name, sizeof(name), "play-%d-%u", (int)getpid(), atomic_fetch_add(&number, 1));
	snprintf(server->mount, sizeof(server->mount), "loop://%s/data", name);
	must(addr_resolve("loop", name, 0, true, &addr, 1) == 1, "%s", name);
	must(!arena_open(&server->arena, ARENA_SIZE), "memory");
	server->file = calloc(1, PLAY_SIZE);
	server->ios = calloc(PLAY_IOS, sizeof(*server->ios));
	must(server->file && server->ios, "memory");
	must(!server->ops->domain_open(&config, &server->domain), "a domain");
	must(!server->ops->domain_local(server->domain, server->file, PLAY_SIZE), "memory");
	must(!server->ops->listen(server->domain, &addr, &server->listener), "listen");
	must(!pthread_create(&server->thread, NULL, run, server), "a thread");
}

void play_stop(struct playserver *server)
{
	atomic_store(&server->stop, true);
	pthread_join(server->thread, NULL);
	server->ops->unlisten(server->listener);
	for (unsigned i = 0; i < PLAY_CONNS; i++)
		if (server->conns[i].tp) {
			server->ops->disconnect(server->conns[i].tp);
			server->ops->conn_free(server->conns[i].tp);
		}
	server->ops->domain_close(server->domain);
	arena_close(&server->arena);
	free(server->file);
	free(server->ios);
}
