/* A client of the server's target, and what clients have heard. One thread. */
#ifndef USRBIO_TESTS_FUZZ_HEARD_H
#define USRBIO_TESTS_FUZZ_HEARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/auth/exchange.h"
#include "common/transport/transport.h"
#include "proto/limits.h"

#define HANDLES 8

struct client {
	struct tp_conn *conn;
	bool connected;
	uint64_t nr_ios, nr_asked, longest; /* what was asked for */
	uint64_t nr_results, nr_answers;
	/* With a key, as long as nothing else was said before: */
	bool said, ours, challenged, proved, joined;
	struct exchange exchange;
	uint8_t nonce[NONCE_SIZE], share[SHARE_SIZE];
};

/* What an input may use that only the server can know. */
extern struct heard {
	uint64_t handles[HANDLES];
	unsigned nr_handles; /* so far */
	uint8_t id[SESSION_ID_SIZE], key[SESSION_KEY_SIZE], persistent[PERSISTENT_MAX];
	size_t persistent_len;
	unsigned long nr_let_in; /* connections that proved a key */
} heard;

void heard_open(void);
/* Insist that the event is one that may come, and keep what is in it. Its user is the client. */
void heard_event(const struct tp_event *event);
/* Forget the handles and names of files. */
void heard_forget(void);

#endif
