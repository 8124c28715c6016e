/*
 * Seals of a handshake. Each message is added to the exchange in the order in which it is sent or
 * received. Challenge, Proof and Welcome may have a mac. It is the last field of the frame, and
 * covers all messages of both ends up to it. The only state is the exchange.
 *
 * Every function returns 0, or -EIO if OpenSSL fails. Those that encode a message return -EMSGSIZE
 * if it is too long.
 */
#ifndef USRBIO_PROTO_SEAL_H
#define USRBIO_PROTO_SEAL_H

#include "common/auth/exchange.h"
#include "proto/message.h"

/* Add the message, without a mac, that is sent next. */
int seal_say(struct exchange *x, const struct message *msg);
/* Add the message that is sent next, whose mac is not known yet. */
int seal_say_signed(struct exchange *x, const struct message *msg);
/*
 * Add the message that is sent next, and compute its mac with a known key. The message points to
 * `mac`.
 */
int seal_sign(struct exchange *x, const struct message *msg, enum auth_key key,
	      uint8_t mac[MAC_SIZE]);
/* Add a received frame without a mac. */
int seal_hear(struct exchange *x, const void *frame, size_t len);
/*
 * Add a received frame with a mac. *mac points into the frame, and the caller checks it. -EBADMSG:
 * the frame has no mac.
 */
int seal_hear_signed(struct exchange *x, const void *frame, size_t len, const uint8_t **mac);

#endif
