/*
 * What the files of the client's target share: the server that is played. All of it is under its
 * lock, which whoever polls takes to give it its turn.
 */
#ifndef USRBIO_TESTS_FUZZ_PLAYER_H
#define USRBIO_TESTS_FUZZ_PLAYER_H

#include <pthread.h>

#include "common/auth/exchange.h"
#include "common/transport/transport.h"
#include "proto/codec.h"
#include "tests/fuzz/input.h"

#define PLAYER_NAME "fuzz"
#define FILE_LEN    65536u
#define IDS	    64

struct player {
	pthread_mutex_t lock;
	struct input in;
	unsigned nr_conns; /* in this input */
	bool silent, over; /* something was not answered; the input is through */
	bool keyed;	   /* this connection; and the proofs given on it */
	bool challenged, proved, welcomed;
	struct exchange exchange;
	struct tp_domain *domain;
	struct tp_conn *conn;
	struct arena arena;
	struct region_add regions[IDS];
	uint32_t last_tag; /* of the I/O submitted last */
	uint8_t *file;
};

extern struct player player;
/* With a key: connections that began, and those of them that a server with the key welcomed. */
extern unsigned long nr_handshakes, nr_let_in;

/* player.c: it lies as the input says. */
void player_open(void);
/* A new input; or none, and the connection ends. */
void player_play(const uint8_t *data, size_t len, bool over);

/* honest.c: how it would be right. Lock held. */
void honest_frame(const void *frame, size_t len);
void honest_say(const struct message *msg);
void honest_post(const struct tp_op *op);
/* A Challenge of this version to a Hello, and the Proof that comes back. */
void honest_challenge(const struct hello *hello, uint32_t version);
void honest_hear_proof(const struct message *msg);
/* Signed, if there is a key. */
void honest_welcome(struct message *msg);
/* What a message wants. */
void honest_serve(const struct message *msg);

#endif
