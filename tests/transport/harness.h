/*
 * The contract suite's bench: two connected ends in one process and the pump that drives both.
 * Knows nothing of the test framework, so that plain programs can use it too: they define
 * harness_fail().
 *
 *   USRBIO_TEST_TRANSPORT  tcp (default), tls, loop, rdma, or fault+ one of them
 *   USRBIO_TEST_ADDR       where to listen, default 127.0.0.1 (rdma: USRBIO_RXE_ADDR)
 *   USRBIO_TEST_FAULTS     the plan of fault+..., in fault_plan_parse's words; default none
 */
#ifndef USRBIO_TESTS_TRANSPORT_HARNESS_H
#define USRBIO_TESTS_TRANSPORT_HARNESS_H

#include <pthread.h>

#include "common/transport/transport.h"

#define MEM_LEN	    (9u << 20) /* of each end's memory: the largest operation and some more */
#define MAX_EVENTS  64
#define CONNECT_MS  5000
#define NR_SENDS    16
#define NR_POSTS    32
#define DEFAULT_MSG 4096

void harness_fail(const char *file, int line, const char *what) __attribute__((noreturn));

#define must(cond)                                               \
	do {                                                     \
		if (!(cond))                                     \
			harness_fail(__FILE__, __LINE__, #cond); \
	} while (0)

/* One side: its domain, its connection, and what has happened to it so far. */
struct end {
	struct tp_domain *domain;
	struct tp_conn *conn;
	struct pair *pair;
	char *mem; /* MEM_LEN bytes: the server's is local to its domain, the client's registered */
	/* As tp_domain_config.range, where the end is the user; NULL: all of mem, for every tag. */
	bool (*range)(struct end *end, uint32_t tag, enum tp_access access, struct tp_range *range);
	int max_events;
	struct tp_request *request; /* the last one nobody has taken */
	unsigned connected, msgs, imms, dones, readies, closed;
	unsigned failed_dones;
	int done_status; /* of the last DONE that failed */
	int closed_status;
	uint32_t last_imm;
	uint64_t polls;
	/* Sees every event after the counters have; NULL: nobody. */
	void (*on_event)(struct end *end, const struct tp_event *event);
	void *ctx;
};

struct pair {
	const struct tp_ops *ops;
	struct tp_device *device; /* the client's */
	struct tp_mem *mem;	  /* the client's memory, both directions */
	struct tp_listener *listener;
	struct end client, server;
};

const struct tp_ops *test_ops(void);
bool test_is(const char *provider); /* the one below any wrapper */
void test_addr(struct tp_addr *addr);
/* The key of both ends, where the wire wants one. */
extern struct tp_tls_config test_keys;
struct tp_domain_config test_config(void);

/* An end with a domain and memory and nothing else. */
void end_open(struct end *end, const struct tp_ops *ops, const struct tp_domain_config *config);
void end_close(struct end *end);
/* One poll of its domain, every event counted. Number of events. */
int end_poll(struct end *end);

/* pair_open: two ends connected; NULL: the default config. Close: whatever is still there. */
void pair_prepare(struct pair *pair, const struct tp_domain_config *client,
		  const struct tp_domain_config *server);
void pair_connect(struct pair *pair);
void pair_open(struct pair *pair);
void pair_close(struct pair *pair);
/* Both ends begin to end; returns when both have been told. */
void pair_disconnect(struct pair *pair);

/* A round over some ends; sleeps on their descriptors when there was nothing. */
void pump_ends(struct end *const *ends, int nr);
void pump(struct pair *pair);
#define pump_until(pair, cond)      \
	do {                        \
		while (!(cond))     \
			pump(pair); \
	} while (0)

/* Send or post, waiting for room as often as it takes. False: the connection is over. */
bool send_msg(struct end *end, const void *data, size_t len);
bool post_op(struct end *end, const struct tp_op *op);
/* A READ or WRITE between the server's memory and the client's, as the server posts it. */
struct tp_op make_op(const struct pair *pair, enum tp_kind kind, size_t local, size_t remote,
		     uint32_t len);

/* Bytes that tell where they belong. */
void fill(void *mem, size_t len, uint32_t seed);
bool filled(const void *mem, size_t len, uint32_t seed);
uint32_t next_random(uint32_t *state);

int count_descriptors(void);

/* Two threads, one per end, that send a message to and fro and sleep each time. */
void pingpong(struct pair *pair, unsigned rounds);

#endif
