/* What the clients of the server's target hear: it must be right, and some of it is kept. */
#include "tests/fuzz/heard.h"

#include <string.h>

#include "proto/arena.h"
#include "proto/seal.h"
#include "tests/fuzz/server.h"

struct heard heard;

static struct arena arena;

void heard_open(void)
{
	insist(!arena_open(&arena, ARENA_SIZE));
}

void heard_forget(void)
{
	heard.nr_handles = 0;
	heard.persistent_len = 0;
	memset(heard.handles, 0, sizeof(heard.handles));
}

/* Until all places are different, each is the last one. */
static void keep_handle(uint64_t handle)
{
	if (heard.nr_handles < HANDLES)
		for (unsigned i = heard.nr_handles; i < HANDLES; i++)
			heard.handles[i] = handle;
	heard.handles[heard.nr_handles++ % HANDLES] = handle;
}

static void take_results(struct client *client, const struct completion *completion)
{
	client->nr_results += completion->n;
	for (size_t i = 0; i < completion->n; i++)
		insist(completion->done[i].result < 0 ||
		       (uint64_t)completion->done[i].result <= client->longest);
}

/* To who began as clients do it is right. */
static void take_challenge(struct client *client, const struct tp_event *event,
			   const struct challenge *challenge)
{
	const uint8_t *mac;

	insist(client->said && !client->challenged);
	client->challenged = true;
	if (!client->ours)
		return;
	insist(!seal_hear_signed(&client->exchange, event->msg, event->len, &mac));
	insist(!exchange_keys(&client->exchange, served_secret(), challenge->share.data));
	insist(!served_keeps_out() || exchange_check(&client->exchange, AUTH_SERVER, mac));
}

/* Nobody is let in who has not proved a key; whoever has hears nothing but what is signed. */
static void check_welcome(struct client *client, const struct tp_event *event,
			  const struct welcome *welcome)
{
	const uint8_t *mac;

	insist(client->proved || welcome->status);
	if (client->proved) {
		insist(!seal_hear_signed(&client->exchange, event->msg, event->len, &mac));
		insist(exchange_check(&client->exchange, AUTH_SERVER, mac));
	}
	heard.nr_let_in += !welcome->status;
}

static void take_welcome(struct client *client, const struct tp_event *event,
			 const struct welcome *welcome)
{
	if (served_keeps_out())
		check_welcome(client, event, welcome);
	if (welcome->status)
		return;
	memcpy(heard.id, welcome->session_id.data, sizeof(heard.id));
	if (!client->joined)
		memcpy(heard.key,
		       client->proved ? client->exchange.keys[AUTH_SESSION]
				      : welcome->session_key.data,
		       sizeof(heard.key));
}

static void take_message(struct client *client, const struct tp_event *event)
{
	struct message msg;

	insist(!codec_decode(&arena, event->msg, event->len, &msg));
	switch (msg.type) {
	case MSG_CHALLENGE:
		take_challenge(client, event, &msg.challenge);
		break;
	case MSG_WELCOME:
		take_welcome(client, event, &msg.welcome);
		break;
	case MSG_REPLY:
		client->nr_answers++;
		if (msg.reply.file)
			keep_handle(msg.reply.file);
		if (msg.reply.persistent.len) {
			heard.persistent_len = msg.reply.persistent.len;
			memcpy(heard.persistent, msg.reply.persistent.data, heard.persistent_len);
		}
		break;
	case MSG_COMPLETION:
		take_results(client, &msg.completion);
		break;
	case MSG_PING:
		client->nr_answers += msg.ping.pong;
		break;
	default:
		insist(!"a message for servers");
	}
	insist(client->nr_results <= client->nr_ios && client->nr_answers <= client->nr_asked);
}

void heard_event(const struct tp_event *event)
{
	struct client *client = event->conn->user;

	switch (event->type) {
	case TP_EV_CONNECTED:
		client->connected = true;
		break;
	case TP_EV_MSG:
		take_message(client, event);
		break;
	case TP_EV_IMM:
		client->nr_results++;
		insist(client->nr_results <= client->nr_ios);
		break;
	case TP_EV_CLOSED:
		tp_loop.conn_free(client->conn);
		client->conn = NULL;
		break;
	default:
		break;
	}
}
