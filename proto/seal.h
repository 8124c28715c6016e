/*
 * The messages of a handshake, added to its exchange in the order in which they are sent and
 * received. Three kinds have a mac: the last field of their frame, over all messages of both ends
 * up to it. The only state is the exchange.
 */
#ifndef USRBIO_PROTO_SEAL_H
#define USRBIO_PROTO_SEAL_H

#include "common/auth/exchange.h"
#include "proto/message.h"

/* Add a message without a mac that is sent next. 0, -EMSGSIZE, -EIO. */
int seal_say(struct exchange *x, const struct message *msg);
/* Add a message with a mac that is not known yet. */
int seal_say_signed(struct exchange *x, const struct message *msg);
/* Add a message, and compute its mac with a key that is known: the message points to `mac`. */
int seal_sign(struct exchange *x, const struct message *msg, enum auth_key key,
	      uint8_t mac[MAC_SIZE]);
/* Add a received frame without a mac. 0, -EIO. */
int seal_hear(struct exchange *x, const void *frame, size_t len);
/*
 * Add a received frame with a mac. *mac points into the frame, and the caller checks it. 0, -EIO,
 * or -EBADMSG: it has none.
 */
int seal_hear_signed(struct exchange *x, const void *frame, size_t len, const uint8_t **mac);

#endif
