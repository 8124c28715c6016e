/* Messages that every player needs, and the bytes they become. Pure functions. */
#ifndef USRBIO_TESTS_PEER_MESSAGE_H
#define USRBIO_TESTS_PEER_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

struct bytes text(const char *text);
/* The message's frame in `frame`: its length. Ends the program when it cannot be encoded. */
size_t message_frame(const struct message *msg, void *frame, size_t size);
/* The answer to a ping. */
struct message message_pong(const struct ping *ping);
/* One result; `done` holds it for as long as the message is used. */
struct message message_completion(struct io_result *done, uint64_t tag, int64_t result);
struct message message_submit(uint32_t op, const struct io_entry *io, size_t n);
/* A hello for a new session, without features. */
struct hello hello_new(const char *export, const char *client);
/* A welcome to a new session, without features. */
struct welcome welcome_new(uint32_t max_inflight, uint32_t max_regions);

#endif
