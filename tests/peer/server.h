/*
 * A server played by hand over the loop transport, on a thread of its own: one file of
 * PLAY_SIZE bytes in memory, and every kind of lie. It does what a test sets before it starts, and
 * what it is told by its atomic fields at any time.
 */
#ifndef USRBIO_TESTS_PEER_SERVER_H
#define USRBIO_TESTS_PEER_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/transport/transport.h"
#include "proto/arena.h"
#include "proto/message.h"
#include "tests/support/must.h"
#include "tests/peer/message.h"

#define PLAY_SIZE  (1u << 20)
#define PLAY_CONNS 16
#define PLAY_IOS   65536u

struct play_conn {
	struct tp_conn *tp;
	bool open;
	unsigned incarnation; /* counts its connections: what an earlier one asked for is over */
	struct region_add regions[REGIONS_MAX];
	uint32_t unanswered[CALL_SLOTS]; /* tags of calls of this connection */
	unsigned nr_unanswered, unanswered_incarnation;
	bool unsent; /* there was no room for a message, or the client has gone */
};

struct play_io {
	struct play_conn *conn;
	unsigned incarnation;
	uint32_t tag, op, region;
	uint64_t off, len, region_off;
	bool moved; /* a write whose data has come */
};

/* A message seen: what SubmitBatch said. */
struct play_batch {
	uint32_t op, flags, priority, n;
	unsigned nr_calls; /* that came before it */
};

struct playserver {
	char mount[64]; /* loop://NAME/data */

	/* Set before, or while no I/O is under way. */
	uint32_t max_inflight, max_regions;
	int refuse; /* status of the welcome */
	bool no_imm;
	uint32_t export_flags;
	bool lie_once; /* then it serves */
	bool ignore_aborts;
	int64_t aborted;		  /* how aborted I/Os end; 0: with -ECANCELED */
	int reopen;			  /* status of each REOPEN */
	int answer;			  /* and of other calls */
	uint32_t last_epoch, last_replay; /* of the last hello and call */
	uint32_t last_tag;		  /* of the last I/O submitted */
	uint32_t last_call, last_former;  /* tags: of the last call, and of the last given up so */
	uint64_t boot_id;
	_Atomic uint64_t verifier; /* the export's write verifier */
	unsigned cut_every; /* so many batches; and every other time the session is forgotten */
	/* Called instead of serving a batch, on the server's thread. */
	void (*lie)(struct playserver *server, struct play_conn *conn, const struct submit *submit);
	/* The same of a drop, once. */
	void (*lie_about_drop)(struct playserver *server, struct play_conn *conn, uint32_t tag);
	/* Called to answer CALL_COUNTERS, likewise; NULL: the feature is not offered. */
	void (*counters)(struct playserver *server, struct play_conn *conn,
			 const struct call *call);
	/* Called to answer any call, likewise: the answer's status, names and all, are its own. */
	void (*tell)(struct playserver *server, const struct call *call, struct reply *reply);
	/* Called after a drop has been answered, likewise. */
	void (*dropped)(struct playserver *server, struct play_conn *conn,
			const struct region_add *region);

	/* Any time. */
	_Atomic bool hold;	/* take I/Os, but neither move nor answer */
	_Atomic bool stop, cut; /* cut: every connection, once */
	_Atomic bool deaf;	/* takes messages and answers none, not even pings */
	_Atomic bool forget;	/* the session, as by a restart, once */
	_Atomic bool mute;	/* calls are taken, and not answered */
	_Atomic unsigned full;	/* so many more requests to connect are refused for now */
	_Atomic unsigned early; /* so many more Hellos are answered by -EAGAIN */
	_Atomic unsigned nr_reopens, nr_resumed, nr_pings, nr_pongs;
	_Atomic bool ping; /* every client, once */
	_Atomic unsigned nr_drops_asked;
	_Atomic unsigned nr_aborts; /* tags of I/Os in Aborts */
	_Atomic unsigned nr_call_aborts;
	_Atomic unsigned nr_former; /* tags of calls of earlier connections in Aborts */
	_Atomic unsigned nr_ended;  /* connections */
	_Atomic unsigned nr_batches, nr_adds, nr_drops, nr_closes, nr_welcomes, nr_calls;
	struct play_batch batches[1024]; /* nr_batches of them */

	/* The server's thread's. */
	const struct tp_ops *ops;
	struct tp_domain *domain;
	struct tp_listener *listener;
	struct play_conn conns[PLAY_CONNS];
	struct play_io *ios; /* a queue */
	uint32_t head, tail, nr_moving;
	struct arena arena;
	uint8_t *file;
	pthread_t thread;
};

/* What fails here ends the program. */
void play_start(struct playserver *server);
void play_stop(struct playserver *server);

/* For lies: from the server's thread. */
void play_send(struct playserver *server, struct play_conn *conn, const struct message *msg);
void play_send_raw(struct playserver *server, struct play_conn *conn, const void *frame,
		   size_t len);
void play_imm(struct playserver *server, struct play_conn *conn, uint32_t tag);
void play_complete(struct playserver *server, struct play_conn *conn, uint32_t tag, int64_t result);

#endif
