/*
 * The messages of a handshake, taken into its exchange as they are said and heard. Three kinds have
 * a mac: the last field of their frame, over all that both ends have said up to it. No state but
 * the exchange's.
 */
#ifndef USRBIO_PROTO_SEAL_H
#define USRBIO_PROTO_SEAL_H

#include "common/auth/exchange.h"
#include "proto/message.h"

/* A message that goes out next, and has no mac. 0, -EMSGSIZE, -EIO. */
int seal_say(struct exchange *x, const struct message *msg);
/* One with a mac that is not known yet. */
int seal_say_signed(struct exchange *x, const struct message *msg);
/* The same, and its mac, by a key that is known already: the message points to `mac`. */
int seal_sign(struct exchange *x, const struct message *msg, enum auth_key key,
	      uint8_t mac[MAC_SIZE]);
/* A frame that came, and has no mac. 0, -EIO. */
int seal_hear(struct exchange *x, const void *frame, size_t len);
/* One that has: *mac is in the frame, and still to be checked. 0, -EIO, -EBADMSG: it has none. */
int seal_hear_signed(struct exchange *x, const void *frame, size_t len, const uint8_t **mac);

#endif
