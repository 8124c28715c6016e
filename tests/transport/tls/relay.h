/*
 * A wire one can look at and damage: passes on what two ends of the bench say to each other, over
 * two sockets of its own. Driven by the caller, like them.
 */
#ifndef USRBIO_TESTS_TRANSPORT_RELAY_H
#define USRBIO_TESTS_TRANSPORT_RELAY_H

#include "tests/transport/harness.h"

/* Who said it. */
enum side { CLIENT, SERVER };

struct relay {
	struct pair *pair;
	int fds[2];	  /* the one that this side is connected to */
	bool over[2];	  /* it has said its last */
	size_t passed[2]; /* bytes this side has said, and the other heard */
	size_t piece;	  /* so many at a time; 0: as they come */
	int patience_ms;  /* after so long without a word, both sides are cut; 0: never */
	/* One byte is changed on its way, by `mask`, 0: none. */
	enum side flip_side;
	size_t flip_at;
	unsigned char mask;
	/* All that was said, if wanted. */
	char *kept[2];
	size_t kept_max;
};

/* Ends that are prepared, and connected by us until the server has the request. */
void relay_open(struct relay *relay, struct pair *pair, size_t kept_max);
/* Accepted, too. False: the server has no key. */
bool relay_accept(struct relay *relay);
/* A round over the wire and the ends. */
void relay_step(struct relay *relay);
#define relay_until(relay, cond)           \
	do {                               \
		while (!(cond))            \
			relay_step(relay); \
	} while (0)
/* This side says nothing more, and has not said so itself. */
void relay_cut(struct relay *relay, enum side side);
void relay_close(struct relay *relay);

#endif
