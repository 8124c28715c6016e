/* What a client has heard. Owned by its player, one thread. */
#include "tests/peer/heard.h"

#include <string.h>

static void take_welcome(struct heard *heard, const struct welcome *welcome)
{
	heard->nr_welcomes++;
	heard->welcome = *welcome;
	if (welcome->session_id.len) {
		memcpy(heard->session_id, welcome->session_id.data, SESSION_ID_SIZE);
		memcpy(heard->session_key, welcome->session_key.data, SESSION_KEY_SIZE);
	}
	memcpy(heard->text, welcome->text.data, welcome->text.len + 1);
}

static void take_reply(struct heard *heard, const struct reply *reply)
{
	heard->nr_replies++;
	heard->reply = *reply;
	memcpy(heard->persistent, reply->persistent.data, reply->persistent.len);
	memcpy(heard->names, reply->names.data, reply->names.len);
	memcpy(heard->target, reply->target.data, reply->target.len);
	for (size_t i = 0; i < reply->nr_types; i++)
		heard->types[i] = reply->types[i];
	for (size_t i = 0; i < reply->nr_counts; i++)
		heard->counts[i] = reply->counts[i];
	for (size_t i = 0; i < reply->nr_fs; i++)
		heard->fs[i] = reply->fs[i];
	heard->reply.fs = heard->fs;
	for (size_t i = 0; i < reply->nr_attrs; i++)
		heard->attrs[i] = reply->attrs[i];
	heard->reply.attrs = heard->attrs;
}

bool heard_take(struct heard *heard, const struct message *msg)
{
	switch (msg->type) {
	case MSG_WELCOME:
		take_welcome(heard, &msg->welcome);
		return true;
	case MSG_REPLY:
		take_reply(heard, &msg->reply);
		return true;
	case MSG_PING:
		if (msg->ping.pong) {
			heard->nr_pongs++;
			heard->nonce = msg->ping.nonce;
		} else {
			heard->nr_pings++;
		}
		return true;
	default:
		return false;
	}
}
