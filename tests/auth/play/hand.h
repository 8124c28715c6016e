/*
 * A client played by hand over any transport: handshakes step by step, each as it should be unless
 * the case says otherwise. One thread; waits by polling, and a hang ends by the program's alarm.
 */
#ifndef USRBIO_TESTS_AUTH_HAND_H
#define USRBIO_TESTS_AUTH_HAND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auth/exchange.h"
#include "proto/message.h"
#include "tests/auth/play/fixture.h"
#include "tests/peer/link.h"
#include "tests/peer/message.h"

struct said {
	uint8_t frame[16384];
	size_t len;
};

struct hand {
	struct link link;
	bool got;
	struct said heard; /* the last frame, and it as a message */
	struct message msg;
	struct exchange exchange;
	struct tp_tls_config tls;
	const char *binding; /* a transport other than the one it is */
	uint8_t nonce[NONCE_SIZE], share[SHARE_SIZE], tag[KEY_TAG_SIZE];
	struct said hello, challenge, proof; /* as they went */
	uint8_t session_id[SESSION_ID_SIZE], session_key[SESSION_KEY_SIZE];
	uint32_t tag_of_call;
};

/* Over tls as alice, whoever they are in the handshake inside; or as somebody else. */
void hand_open(struct hand *hand, const char *url);
void hand_open_as(struct hand *hand, const char *url, const struct login *who);
void hand_close(struct hand *hand);
void hand_send(struct hand *hand, const struct message *msg);
void hand_send_frame(struct hand *hand, const void *frame, size_t len);
/* The type of the server's next message; 0: it has left. Its pings are answered. */
int hand_next(struct hand *hand);

/* Draw what a handshake begins with. */
struct hello hand_hello(struct hand *hand, const struct login *who, const char *export);
/* Its frame, which counts as said. */
struct said hand_compose(struct hand *hand, const struct hello *hello);
void hand_say_hello(struct hand *hand, const struct hello *hello);
/* The server's next message is a Challenge; does its mac show that it knows the key? */
bool hand_hear_challenge(struct hand *hand, const struct login *who);
/* session_key: of the session it is to enter, or NULL. */
void hand_prove(struct hand *hand, const uint8_t *session_key);
/* The Welcome's status, -ENOTCONN when there is none, -EBADMSG when its mac is missing or wrong. */
int hand_hear_welcome(struct hand *hand);
/* All of it, for a new session. -EKEYREJECTED also where the server does not know the key. */
int hand_login(struct hand *hand, const struct login *who, const char *export);
/* All of it, whatever the Challenge. */
int hand_insist(struct hand *hand, const struct login *who, const struct hello *hello,
		const uint8_t *session_key);

/* Once it is in: is the connection still there; is it about to be ended, within a thousand pings;
 * a call's status; an I/O's, without memory. */
bool hand_is_alive(struct hand *hand);
bool hand_is_ended(struct hand *hand);
int hand_call(struct hand *hand, const struct call *call);
int64_t hand_write(struct hand *hand, uint64_t file);

#endif
