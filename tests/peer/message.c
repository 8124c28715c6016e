/* The messages of players. Pure functions. */
#include "tests/peer/message.h"

#include <string.h>

#include "proto/codec.h"
#include "tests/support/must.h"

struct bytes text(const char *text)
{
	return (struct bytes){.data = (const uint8_t *)text, .len = strlen(text)};
}

size_t message_frame(const struct message *msg, void *frame, size_t size)
{
	long len = codec_encode(msg, frame, size);

	must(len > 0, "a message of type %d cannot be encoded", msg->type);
	return (size_t)len;
}

struct message message_pong(const struct ping *ping)
{
	return (struct message){.type = MSG_PING, .ping = {.nonce = ping->nonce, .pong = 1}};
}

struct message message_completion(struct io_result *done, uint64_t tag, int64_t result)
{
	*done = (struct io_result){(int64_t)tag, result};
	return (struct message){.type = MSG_COMPLETION, .completion = {.n = 1, .done = done}};
}

struct message message_submit(uint32_t op, const struct io_entry *io, size_t n)
{
	return (struct message){
		.type = MSG_SUBMIT,
		.submit = {.op = op, .priority = PRIORITY_NORMAL, .n = n, .io = io}};
}

struct hello hello_new(const char *export, const char *client)
{
	return (struct hello){.version_min = PROTO_VERSION,
			      .version_max = PROTO_VERSION,
			      .export = text(export),
			      .client = text(client)};
}

struct welcome welcome_new(uint32_t max_inflight, uint32_t max_regions)
{
	static const uint8_t id[SESSION_ID_SIZE] = {1}, key[SESSION_KEY_SIZE] = {2};

	return (struct welcome){.version = PROTO_VERSION,
				.session_id = {id, sizeof(id)},
				.session_key = {key, sizeof(key)},
				.boot_id = 42,
				.host = 1,
				.verifier = 1,
				.max_inflight = max_inflight,
				.max_regions = max_regions,
				.max_files = 100};
}
