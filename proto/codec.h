/*
 * Messages to frames and back. The only code that knows protobuf-c.
 *
 * Decoding is where the wire is distrusted, once: whatever codec_decode lets through has known
 * enum values, whole entries, lengths within proto/limits.h, and paths without zero bytes.
 * What depends on a session's state (handles, ranges, regions) is its owner's to check.
 */
#ifndef USRBIO_PROTO_CODEC_H
#define USRBIO_PROTO_CODEC_H

#include <stddef.h>

#include "proto/arena.h"
#include "proto/message.h"

/*
 * Write msg as one frame into buf. The frame's length, or -EMSGSIZE when it does not fit into cap
 * bytes (nothing is written then). No allocation.
 */
long codec_encode(const struct message *msg, void *buf, size_t cap);

/*
 * Read a frame. 0, or -EBADMSG (malformed, or over the arena's cap; said in the debug log) and
 * *msg is not to be looked at. What *msg points to lives until the arena's next decode.
 */
int codec_decode(struct arena *arena, const void *frame, size_t len, struct message *msg);

#endif
