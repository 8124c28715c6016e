/*
 * Who sits between a client and a server over tcp: a thread that knows frames and may change what
 * is said. One connection at a time. Its owner is the main thread.
 */
#ifndef USRBIO_TESTS_AUTH_BETWEEN_H
#define USRBIO_TESTS_AUTH_BETWEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"
#include "proto/message.h"

struct between;

/*
 * A message passes, type first: change it in place, `room` bytes; its new length, 0: it does not
 * pass. On the thread.
 */
typedef size_t between_touch(struct between *between, void *arg, bool to_server, uint8_t *frame,
			     size_t len, size_t room);

struct between *between_start(const char *server);
void between_stop(struct between *between);
const char *between_url(const struct between *between);
/* From the next connection on, which the last one makes room for; NULL: let all pass. */
void between_set(struct between *between, between_touch *touch, void *arg);
/* How many connections there have been. */
unsigned between_count(struct between *between);

/* For touches: say this to the client, as the server. Decode. */
void between_say(struct between *between, const struct message *msg);
bool between_decode(struct between *between, const uint8_t *frame, size_t len, struct message *msg);

#endif
