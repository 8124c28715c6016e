/* The evil server's threads: accept, answer calls, serve I/O. The tree is in mock_tree.c. */
#include "tests/evil/outside/mock.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/must.h"
#include "tests/evil/outside/mock_tree.h"
#include "tests/peer/message.h"

static void handshake(struct mock_conn *conn)
{
	struct welcome welcome = welcome_new(256, REGIONS_MAX);

	welcome.features = FEATURE_COUNTERS;
	welcome.host = MOCK_HOST;
	welcome.max_files = 10000;
	if (conn->mock->lie.welcome)
		conn->mock->lie.welcome(conn->mock, &welcome);
	wire_welcome(&conn->wire, &welcome);
}

static void answer(struct mock_conn *conn, const struct call *call)
{
	struct mock *mock = conn->mock;
	struct mock_answer memory;
	struct reply reply = {.verifier = 1};
	bool told;

	pthread_mutex_lock(&mock->lock);
	mock->nr_calls++;
	if (!mock->lie.refuse || !mock->lie.refuse(mock, call, &reply))
		mock_tree_call(mock, call, &memory, &reply);
	reply.tag = call->tag;
	told = !mock->lie.call || mock->lie.call(conn, call, &reply);
	pthread_mutex_unlock(&mock->lock);
	if (told)
		wire_reply(&conn->wire, &reply);
}

void mock_complete(struct mock_conn *conn, const struct io_entry *io, int64_t result)
{
	wire_complete(&conn->wire, io_tag(io), result);
}

void mock_give(struct mock_conn *conn, uint32_t tag, int64_t off, const void *data, uint32_t len)
{
	wire_header(&conn->wire,
		    &(struct wire_header){
			    .op = WIRE_WRITE, .len = len, .tag = tag, .off = (uint64_t)off});
	wire_bytes(&conn->wire, data, len);
}

void mock_fetch(struct mock_conn *conn, uint32_t tag, int64_t off, uint32_t len, uint64_t cookie)
{
	wire_header(&conn->wire, &(struct wire_header){.op = WIRE_READ_REQ,
						       .len = len,
						       .tag = tag,
						       .off = (uint64_t)off,
						       .cookie = cookie});
}

static void read_io(struct mock_conn *conn, const struct node *node, const struct io_entry *io)
{
	static _Thread_local uint8_t data[1 << 20];
	uint64_t left = io->off < node->size ? node->size - io->off : 0, len = io->len;

	if (len > left)
		len = left;
	if (len > sizeof(data)) {
		mock_complete(conn, io, -EINVAL);
		return;
	}
	mock_tree_read(node, data, io->off, len);
	if (len)
		mock_give(conn, io_tag(io), 0, data, (uint32_t)len);
	mock_complete(conn, io, (int64_t)len);
}

void mock_serve_io(struct mock_conn *conn, uint32_t op, const struct io_entry *io)
{
	struct node *node = mock_handle(conn->mock, io->file);
	unsigned cookie = conn->nr_fetching++ % 256;

	if (!node) {
		mock_complete(conn, io, -ESTALE);
	} else if (op == IO_READ) {
		read_io(conn, node, io);
	} else {
		conn->fetching[cookie] = *io;
		mock_fetch(conn, io_tag(io), 0, (uint32_t)io->len, cookie + 1);
	}
}

/* Cookie 0 is that of lies: whoever answers one has given what he did not grant. */
static void take_fetched(struct mock_conn *conn)
{
	const struct wire_header *hdr = &conn->wire.hdr;
	const struct io_entry *io = &conn->fetching[(hdr->cookie - 1) % 256];
	struct node *node;

	if (!hdr->cookie) {
		atomic_fetch_add(&conn->mock->nr_escapes, hdr->len > 0);
		return;
	}
	pthread_mutex_lock(&conn->mock->lock);
	node = mock_handle(conn->mock, io->file);
	if (node)
		mock_tree_write(conn->mock, node, conn->wire.payload, io->off, hdr->len);
	pthread_mutex_unlock(&conn->mock->lock);
	mock_complete(conn, io, node ? (int64_t)hdr->len : -ESTALE);
}

static void submit(struct mock_conn *conn, const struct submit *submit)
{
	struct mock *mock = conn->mock;

	pthread_mutex_lock(&mock->lock);
	mock->nr_ios += (unsigned)submit->n;
	for (size_t i = 0; i < submit->n; i++)
		if (!mock->lie.io || !mock->lie.io(conn, submit->op, &submit->io[i]))
			mock_serve_io(conn, submit->op, &submit->io[i]);
	pthread_mutex_unlock(&mock->lock);
}

static void serve(struct mock_conn *conn, struct message *msg)
{
	switch (msg->type) {
	case MSG_HELLO:
		handshake(conn);
		break;
	case MSG_CALL:
		answer(conn, &msg->call);
		break;
	case MSG_REGION_ADD:
	case MSG_ABORT: /* what was served late has been served */
	case MSG_GOODBYE:
		break;
	case MSG_REGION_DROP:
		wire_reply(&conn->wire, &(struct reply){.tag = msg->region_drop.tag});
		break;
	case MSG_SUBMIT:
		submit(conn, &msg->submit);
		break;
	case MSG_PING:
		wire_pong(&conn->wire, &msg->ping);
		break;
	default:
		must(false, "a client's message of type %d", msg->type);
	}
}

static void *serve_conn(void *arg)
{
	struct mock_conn *conn = arg;
	int op;

	wire_send_params(&conn->wire);
	if (!wire_take_params(&conn->wire))
		op = 0;
	else
		op = wire_next(&conn->wire);
	for (; op && op != WIRE_TERMINATE; op = wire_next(&conn->wire)) {
		if (op == WIRE_READ_RESP) {
			take_fetched(conn);
		} else if (op == WIRE_MSG) {
			struct message msg = wire_decode(&conn->wire);

			if (msg.type != MSG_PING || !msg.ping.pong)
				serve(conn, &msg);
		}
	}
	wire_end(&conn->wire);
	free(conn);
	return NULL;
}

static void *accept_on_and_on(void *arg)
{
	struct mock *mock = arg;
	pthread_t thread;

	for (;;) {
		struct mock_conn *conn = calloc(1, sizeof(*conn));

		must(conn, "memory");
		conn->mock = mock;
		if (!wire_accept(&mock->listener, &conn->wire))
			abort();
		must(!pthread_create(&thread, NULL, serve_conn, conn), "thread");
		pthread_detach(thread);
	}
	return NULL;
}

void mock_start(struct mock *mock)
{
	char url[48];

	pthread_mutex_init(&mock->lock, NULL);
	mock_tree_begin(mock);
	wire_listen(&mock->listener, url, sizeof(url));
	snprintf(mock->url, sizeof(mock->url), "%s/data", url);
}

void mock_serve(struct mock *mock)
{
	must(!pthread_create(&mock->thread, NULL, accept_on_and_on, mock), "thread");
}
