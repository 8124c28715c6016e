/*
 * A client played by hand over any provider: transport and codec, nothing of client/. It can
 * therefore also say what no client would. One thread. What must not be, whatever the test is about
 * (a message that is none, an I/O completed twice), ends the program with a sentence, under
 * Criterion as well as without.
 */
#ifndef USRBIO_TESTS_PEER_CLIENT_H
#define USRBIO_TESTS_PEER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "tests/peer/heard.h"
#include "tests/peer/link.h"

#define PEER_MEMORY ((size_t)24 << 20)
#define PEER_TAGS   65536
#define NO_RESULT   INT64_MIN

/* An I/O under way. */
struct peer_grant {
	uintptr_t base;
	uint64_t len;
	uint32_t op; /* 0: none */
};

struct peer {
	struct link link;
	struct heard heard;
	uint8_t *memory; /* PEER_MEMORY bytes; region 0 once said */
	size_t reach;	 /* of it, what is registered when it is named; all, unless set before */

	int64_t *results;	   /* by tag; NO_RESULT until there is one */
	struct peer_grant *grants; /* by tag: what the server may reach */
	uintptr_t *regions;	   /* by id: their bases */
	unsigned nr_results, nr_imms, nr_batches;
	uint32_t *order; /* tags in order of arrival */

	bool mute; /* leaves the server's pings unanswered */
	bool pong_due;
	uint64_t pong_nonce;
};

void peer_connect(struct peer *peer, const char *url);
/* False: the server wants no more; to be closed all the same. */
bool peer_try(struct peer *peer, const char *url);
/* Free everything, without a goodbye if the connection is still up. */
void peer_close(struct peer *peer);
/* Poll once. */
void peer_step(struct peer *peer);
#define peer_until(peer, condition)      \
	do {                             \
		while (!(condition))     \
			peer_step(peer); \
	} while (0)

/* Send a message; waits for room. */
void peer_send(struct peer *peer, const struct message *msg);
void peer_send_raw(struct peer *peer, const void *frame, size_t len);

/* A hello with all features, for a new session. */
struct hello peer_new_hello(const char *export);
/* The same for the session that `from` has been welcomed to, which stays in use. */
struct hello peer_hello_again(const struct peer *from, const char *export, uint32_t epoch);
/* Say it, and do not wait. */
void peer_say_hello(struct peer *peer, const struct hello *hello);
/* Hello with all features, then wait for the answer: its status. */
int peer_hello(struct peer *peer, const char *export);
int peer_hello_as(struct peer *peer, const struct hello *hello);
/* connect + hello + region 0 over all memory; the status must be 0. */
void peer_open(struct peer *peer, const char *url, const char *export);
void peer_add_region(struct peer *peer, uint32_t region, size_t off, size_t size, uint32_t access);
/* Send and wait for the reply: its status. */
int peer_call(struct peer *peer, const struct call *call);
int peer_drop(struct peer *peer, uint32_t region);
/* The handle; the call must succeed. */
uint64_t peer_open_file(struct peer *peer, const char *path, uint32_t flags);

struct peer_io {
	uint32_t tag, region;
	uint64_t file, off, len, region_off;
};

void peer_submit(struct peer *peer, uint32_t op, uint32_t priority, const struct peer_io *ios,
		 size_t n);
/* One I/O and its result. */
int64_t peer_io(struct peer *peer, uint32_t op, uint64_t file, uint64_t off, uint64_t len,
		uint64_t region_off);

#endif
