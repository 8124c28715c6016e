/*
 * The macs at the end of frames. To authenticate a message, this code encodes it exactly as it will
 * be sent. The connection owns its exchange, and only the connection's thread uses it.
 */
#include "proto/seal.h"

#include <errno.h>

#include "proto/codec.h"

/*
 * The size in bytes of a buffer for one message of a handshake. Names and texts are bounded, so
 * that the largest message, a Hello or a Welcome, takes half of it.
 */
#define HANDSHAKE_MAX 2048
/* The tag of field 15 with protobuf's wire type 2; its length follows. */
#define MAC_TAG 0x7a

static int say(struct exchange *x, const struct message *msg, size_t without)
{
	uint8_t frame[HANDSHAKE_MAX];
	long len = codec_encode(msg, frame, sizeof(frame));

	return len < 0 ? (int)len : exchange_add(x, frame, (size_t)len - without);
}

int seal_say(struct exchange *x, const struct message *msg)
{
	return say(x, msg, 0);
}

int seal_say_signed(struct exchange *x, const struct message *msg)
{
	return say(x, msg, MAC_FIELD);
}

int seal_sign(struct exchange *x, const struct message *msg, enum auth_key key,
	      uint8_t mac[MAC_SIZE])
{
	int err = seal_say_signed(x, msg);

	return err ? err : exchange_mac(x, key, mac);
}

int seal_hear(struct exchange *x, const void *frame, size_t len)
{
	return exchange_add(x, frame, len);
}

int seal_hear_signed(struct exchange *x, const void *frame, size_t len, const uint8_t **mac)
{
	const uint8_t *tail = (const uint8_t *)frame + len - MAC_FIELD;

	if (len < MAC_FIELD || tail[0] != MAC_TAG || tail[1] != MAC_SIZE)
		return -EBADMSG;
	*mac = tail + 2;
	return exchange_add(x, frame, len - MAC_FIELD);
}
