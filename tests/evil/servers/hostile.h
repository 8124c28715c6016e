/*
 * An evil server: a listener and a thread that serves one connection after the other,
 * honestly but for one lie, told at its phase. What a client must not allow is noted here: memory
 * that it gave without having granted it. The client's end of a case is in victim.c.
 */
#ifndef USRBIO_TESTS_EVIL_SERVERS_HOSTILE_H
#define USRBIO_TESTS_EVIL_SERVERS_HOSTILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/peer/wire.h"

#define HOSTILE_SEED	  21u
#define HOSTILE_SIZE	  65536u
#define HOSTILE_IDS	  16u
#define HOSTILE_OTHER_OFF 20480u /* a read from here is not the one that is lied about */

enum phase {
	AT_ACCEPT, /* instead of the connect parameters */
	AT_HELLO,
	AT_OPEN,
	AT_STAT,
	AT_READ,
	AT_WRITE,
	AT_DROP,
	AT_PING,
	AT_NEVER,
};

enum verdict {
	CUT,  /* the client ends that connection */
	ANY,  /* it may end it or not */
	GOOD, /* odd, but no lie: all goes well */
	LATE, /* told each time: everything ends by the mount's timeout, with an error */
};

struct hostile_peer;

/* The lie; true: and now serve the message honestly. */
typedef bool lie_fn(struct hostile_peer *peer, const struct message *msg);

struct server_lie {
	const char *name;
	enum phase phase;
	enum verdict verdict;
	lie_fn *tell;
	const void *bytes; /* whatever the teller makes of them */
	size_t len;
	int64_t number;
};

struct hostile_peer {
	const struct server_lie *lie;
	char mount[112];
	atomic_uint nr_conns, nr_escapes;
	atomic_bool told, left; /* the lie; and the client after it */

	/* The thread's. */
	struct wire_listener listener;
	pthread_mutex_t lock; /* of the wire it serves: whoever stops it shuts that down */
	bool serving;
	atomic_bool stop;
	pthread_t thread;
	struct wire wire;
	struct region_add regions[HOSTILE_IDS]; /* of this connection; size 0: none */
	struct region_add last;			/* announced */
	uint8_t file[HOSTILE_SIZE];
	struct io_entry fetching[256]; /* writes whose data has been asked for, by cookie */
	unsigned nr_fetching;
	struct io_entry done[2]; /* the last write served, the last read; length 0: none */
};

void hostile_start(struct hostile_peer *peer, const struct server_lie *lie);
void hostile_stop(struct hostile_peer *peer);

/* For lies, from its thread. */
struct welcome good_welcome(void);
struct reply good_reply(const struct message *msg);
struct wire_place hostile_place(const struct hostile_peer *peer, const struct io_entry *io);
const struct region_add *hostile_region(const struct hostile_peer *peer,
					const struct message *submit);

extern const struct server_lie server_lies[];
extern const unsigned nr_server_lies;

/* One client's part in a case: how many escapes there were. Any thread. */
unsigned victim_run(const struct server_lie *lie);

#endif
