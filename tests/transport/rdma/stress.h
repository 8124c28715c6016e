/*
 * What only the rdma provider can show, on a real (or soft-RoCE) device: both ends in one process,
 * a domain each, polled by one thread unless a case needs two. Run inside tests/rxe/run, or on any
 * machine with a device: USRBIO_RXE_ADDR names an address of it. Without one: exit code 77.
 * Arguments: names of cases, all by default. "latency" prints a figure besides.
 */
#ifndef USRBIO_TESTS_TRANSPORT_RDMA_STRESS_H
#define USRBIO_TESTS_TRANSPORT_RDMA_STRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/transport/transport.h"

#define WINDOW ((size_t)1 << 20) /* memory at both ends */

#define check(cond)                                                                              \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, __func__, #cond); \
			abort();                                                                 \
		}                                                                                \
	} while (0)

static const struct tp_ops *const ops = &tp_verbs;

extern const char *stress_address; /* of a device here; set before the first case */
extern const struct tp_domain_config stress_usual;

/* One end of one connection and everything that has happened to it. */
struct end {
	struct tp_domain *domain;
	struct tp_conn *conn;
	struct tp_request *request;
	unsigned connected, closed, ready;
	int close_status;
	uint64_t msgs, imms, dones, failed_dones;
	uint64_t next_msg, next_imm; /* sequence expected next */
	uint64_t posted, sent, sent_imms;
	int done_status; /* the first failure */
	bool unordered;
};

struct pair {
	struct tp_listener *listener;
	struct tp_device *device;
	struct tp_mem *mem;
	struct end server, client;
	char *window, *local; /* the client's, reachable; the server's */
};

#define until(p, cond)                  \
	while (!(cond)) {               \
		end_turn(&(p)->server); \
		end_turn(&(p)->client); \
	}

/* ---- ends.c ---- */

/* The address above, with a port. */
struct tp_addr stress_addr(uint16_t port);

/* Polls once and takes account of what came; returns how many events. */
int end_turn(struct end *end);

/* Sends the next message, of len bytes at most; false when there is no buffer for it now. */
bool end_send(struct end *end, uint32_t len);

/* Posts with the next cookie and, if asked for, the next immediate; returns what post() does. */
int end_post(struct end *end, struct tp_op op);

/* An operation of the server's on the client's window, both at off. */
struct tp_op pair_op(struct pair *p, enum tp_kind kind, size_t off, uint32_t len);

/* Domains, listener and memory, without a connection; closed when connections have been freed. */
void ends_open(struct pair *p, const struct tp_domain_config *server,
	       const struct tp_domain_config *client);
void ends_close(struct pair *p);

/* Connects until the server has the request, or until both ends are connected. */
void ends_begin(struct pair *p);
void ends_connect(struct pair *p);

/* All of it: connected ends; the client leaves, and everything is freed. */
void pair_open(struct pair *p, const struct tp_domain_config *server,
	       const struct tp_domain_config *client);
void pair_close(struct pair *p);

/* ---- cases ---- */

/* transfers.c */
void case_transfer(void);
void case_flood(void);
void case_flood_narrow(void);
void case_flood_one_way(void);
void case_many(void);
void case_asleep(void);

/* access.c */
void case_bad_key(void);
void case_direction(void);
void case_stranger(void);
void case_families(void);

/* endings.c */
void case_farewell(void);
void case_late_reader(void);
void case_under_fire(void);
void case_refused(void);
void case_silence(void);
void case_killed(void);
void case_forked(void);
void case_rights_lost(void);
void case_cloexec(void);
void case_unplugged(void);

/* The program case killed starts: connects to port, tells of its window and never ends. */
int killed_victim(const char *port);

#endif
