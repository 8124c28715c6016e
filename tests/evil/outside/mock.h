/*
 * An evil server with a tree of files: it serves whatever the tool and the library ask, honestly,
 * but for the lies of a case. Over tcp, by hand (wire.h); a thread for each connection, and one
 * lock around the tree. The client is another process.
 */
#ifndef USRBIO_TESTS_EVIL_MOCK_H
#define USRBIO_TESTS_EVIL_MOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/peer/wire.h"

#define MOCK_NODES 4096u
#define MOCK_HOST  77u /* what it says where its files are, unless it lies */
#define MOCK_DEV   5u

/* A file or directory; its handle is its index + 1. */
struct node {
	uint32_t mode; /* 0: none */
	uint32_t parent;
	char *name;
	size_t name_len; /* names may hold zeros */
	uint64_t ino, dev, size;
	uint8_t *data; /* the first `stored` bytes; beyond them 'x' */
	size_t stored;
	bool gone; /* removed by the client */
};

struct mock;

/* A connection, in its thread. */
struct mock_conn {
	struct mock *mock;
	struct wire wire;
	struct io_entry fetching[256]; /* writes whose data has been asked for, by cookie - 1 */
	unsigned nr_fetching;
};

/* What a case changes. Each may be NULL; called with the tree's lock held. */
struct mock_lie {
	void (*welcome)(struct mock *mock, struct welcome *welcome);
	/* Instead of doing it: true, and the answer. */
	bool (*refuse)(struct mock *mock, const struct call *call, struct reply *reply);
	/* Before the honest answer is sent. False: there is none. */
	bool (*call)(struct mock_conn *conn, const struct call *call, struct reply *reply);
	/* Instead of an I/O. False: serve it honestly. */
	bool (*io)(struct mock_conn *conn, uint32_t op, const struct io_entry *io);
};

struct mock {
	struct mock_lie lie;
	const void *arg; /* of the lie */
	int64_t number;
	char url[64]; /* tcp://127.0.0.1:PORT/data */

	pthread_mutex_t lock; /* of what follows */
	struct node nodes[MOCK_NODES];
	unsigned nr_nodes;
	uint64_t count;		   /* the lie's */
	unsigned nr_calls, nr_ios; /* so far: those that a lie could be about */
	unsigned nr_writes_away;   /* changes of what no case may change: nodes 1 and 2 */
	atomic_uint nr_escapes;	   /* memory that was given away */

	struct wire_listener listener;
	pthread_t thread;
};

/* With a root, "keep" and "keep/file", nodes 0 to 2, which nobody is asked to touch. */
void mock_start(struct mock *mock);
/* From here on clients may come; for the rest of this process. */
void mock_serve(struct mock *mock);

/* The tree, before it is served or with the lock held. Returns the node's index. */
unsigned mock_dir(struct mock *mock, unsigned parent, const char *name);
unsigned mock_file(struct mock *mock, unsigned parent, const char *name, const char *text);
unsigned mock_node(struct mock *mock, unsigned parent, const void *name, size_t len, uint32_t mode);
struct node *mock_handle(struct mock *mock, uint64_t handle);
/* What a call is about: its file, or its path. NULL: no such file. */
struct node *mock_target(struct mock *mock, const struct call *call);
/* Last component of a call's path. */
bool mock_names(const struct call *call, const char *name);

/* For lies, in the thread of the connection. */
void mock_complete(struct mock_conn *conn, const struct io_entry *io, int64_t result);
/* Into the memory of the I/O with a tag, so far from its start. */
void mock_give(struct mock_conn *conn, uint32_t tag, int64_t off, const void *data, uint32_t len);
/* Out of it. A cookie of 0: the client should not answer. */
void mock_fetch(struct mock_conn *conn, uint32_t tag, int64_t off, uint32_t len, uint64_t cookie);
void mock_serve_io(struct mock_conn *conn, uint32_t op, const struct io_entry *io);

#endif
