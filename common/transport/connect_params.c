/*
 * The connect parameters: sixteen bytes with the protocol, its version, and the sender's limits.
 * The caller owns them. This code has no state, so any thread may call it.
 */
#include "common/transport/connect_params.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>

#include "common/transport/transport.h"
#include "common/transport/wire_errno.h"

#define MSG_MIN 1024u /* bytes; the least msg_max of a peer, into which a Hello fits */

void connect_params_make(struct connect_params *wire, uint32_t msg_max, uint32_t nr_recvs)
{
	*wire = (struct connect_params){
		.magic = htole32(CONNECT_PARAMS_MAGIC),
		.version = htole16(CONNECT_PARAMS_VERSION),
		.msg_max = htole32(msg_max),
		.nr_recvs = htole32(nr_recvs),
	};
}

void connect_params_refuse(struct connect_params *wire)
{
	*wire = (struct connect_params){
		.magic = htole32(CONNECT_PARAMS_MAGIC),
		.version = htole16(CONNECT_PARAMS_VERSION),
		.refusal = htole16((uint16_t)-wire_from_errno(-EAGAIN)),
	};
}

int connect_params_check(const struct connect_params *wire, struct connect_params *out, char *why)
{
	struct connect_params p = {
		.magic = le32toh(wire->magic),
		.version = le16toh(wire->version),
		.refusal = le16toh(wire->refusal),
		.msg_max = le32toh(wire->msg_max),
		.nr_recvs = le32toh(wire->nr_recvs),
	};
	size_t room = why ? TP_WHY_MAX : 0;

	if (p.magic != CONNECT_PARAMS_MAGIC) {
		snprintf(why, room, "does not speak usrbio: it began with %08x", p.magic);
		return -EPROTO;
	}
	if (p.version != CONNECT_PARAMS_VERSION) {
		snprintf(why, room, "has version %u of the transport, this side version %u",
			 p.version, (unsigned)CONNECT_PARAMS_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (p.refusal) {
		snprintf(why, room, "%s", TP_WHY_BUSY);
		return -EAGAIN; /* whatever the number: a refusal is for now */
	}
	if (p.msg_max < MSG_MIN || p.nr_recvs < 2) {
		snprintf(why, room, "offers messages of %u bytes and %u receive buffers", p.msg_max,
			 p.nr_recvs);
		return -EBADMSG;
	}
	if (p.msg_max > TP_MSG_MAX)
		p.msg_max = TP_MSG_MAX;
	*out = p;
	return 0;
}
