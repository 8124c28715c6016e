/*
 * The codec turns messages into frames, and frames into messages. Only this code uses protobuf-c.
 *
 * Decoding checks everything that comes from the wire, once. A message that codec_decode() accepts
 * has known enum values, whole entries, lengths within proto/limits.h, and paths without zero
 * bytes. The owner of a session's state checks what depends on it: handles, ranges and regions.
 */
#ifndef USRBIO_PROTO_CODEC_H
#define USRBIO_PROTO_CODEC_H

#include <stddef.h>

#include "proto/arena.h"
#include "proto/message.h"

/*
 * Write msg as one frame into buf. Returns the length of the frame, or -EMSGSIZE, with nothing
 * written, if it does not fit into cap bytes. It allocates nothing.
 */
long codec_encode(const struct message *msg, void *buf, size_t cap);

/*
 * Get the type of the message in a frame, an enum msg_type, without reading further. -EBADMSG if
 * there is no such type, or if the frame is empty or too long: then the debug log says so.
 */
int codec_type(const void *frame, size_t len);

/*
 * Read a frame. Returns 0, or -EBADMSG if the frame is malformed or exceeds the arena: then the
 * debug log says why, and *msg is undefined. The pointers in *msg are valid until the next decode
 * with the same arena.
 */
int codec_decode(struct arena *arena, const void *frame, size_t len, struct message *msg);

#endif
