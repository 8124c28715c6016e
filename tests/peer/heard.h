/* What a client has heard from its server: the last of each kind, and how many. One thread. */
#ifndef USRBIO_TESTS_PEER_HEARD_H
#define USRBIO_TESTS_PEER_HEARD_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"
#include "proto/message.h"

struct heard {
	unsigned nr_welcomes, nr_replies, nr_pongs, nr_pings; /* pings of the server */
	struct welcome welcome;				      /* its strings are copied below */
	uint8_t session_id[SESSION_ID_SIZE], session_key[SESSION_KEY_SIZE];
	char text[TEXT_MAX + 1];
	struct reply reply; /* what it points to is copied below */
	uint8_t persistent[PERSISTENT_MAX], names[FRAME_MAX], target[PROTO_PATH_MAX];
	uint32_t types[FRAME_MAX];
	uint64_t counts[FRAME_MAX / 8], fs[FS_NUMBERS_MAX];
	struct attr_row attrs[STATS_MAX];
	uint64_t nonce; /* of the last pong */
};

/* Note a welcome, a reply or a ping, which the caller answers; false: the message is another. */
bool heard_take(struct heard *heard, const struct message *msg);

#endif
