/* Messages over a wire, whatever it is: socket or queue pair. Owned by its player, one thread. */
#include "proto/codec.h"
#include "tests/support/must.h"
#include "tests/peer/message.h"
#include "tests/peer/wire.h"

void wire_msg(struct wire *wire, const struct message *msg)
{
	uint8_t frame[FRAME_MAX];

	wire_frame(wire, frame, message_frame(msg, frame, sizeof(frame)));
}

struct message wire_decode(struct wire *wire)
{
	struct message msg;
	int err = codec_decode(&wire->arena, wire->payload, wire->hdr.len, &msg);

	must(!err, "the victim sent a malformed message");
	return msg;
}

void wire_pong(struct wire *wire, const struct ping *ping)
{
	const struct message msg = message_pong(ping);

	wire_msg(wire, &msg);
}

void wire_welcome(struct wire *wire, const struct welcome *welcome)
{
	wire_msg(wire, &(struct message){.type = MSG_WELCOME, .welcome = *welcome});
}

void wire_reply(struct wire *wire, const struct reply *reply)
{
	wire_msg(wire, &(struct message){.type = MSG_REPLY, .reply = *reply});
}

void wire_complete(struct wire *wire, uint64_t tag, int64_t result)
{
	struct io_result done;
	const struct message msg = message_completion(&done, tag, result);

	wire_msg(wire, &msg);
}
