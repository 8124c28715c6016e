/*
 * The types and functions of the loop provider. Both ends are in one process, and memcpy() moves
 * the data. It is for tests, also for unit tests of programs that use the library. It is simple
 * rather than fast. As over tcp, the owner of memory serves the peer's READs and WRITEs itself, in
 * its poll().
 *
 * Threads: one mutex of the process, loop_lock, protects every field whose comment names no other
 * protection. The public calls acquire it. Key tables have their own lock
 * (common/transport/keys.h), which is acquired under it.
 */
#ifndef USRBIO_COMMON_LOOP_LOOP_H
#define USRBIO_COMMON_LOOP_LOOP_H

#include <pthread.h>

#include "common/base/list.h"
#include "common/transport/key_device.h"
#include "common/transport/reach.h"
#include "common/base/lock.h"
#include "common/transport/transport.h"

extern struct lock loop_lock; /* LOCK_LOOP: key tables are entered under it */

struct loop_domain {
	struct tp_domain base; /* its fd is a timerfd, for connect timeouts and wake-ups */
	struct tp_domain_config config;
	struct list ready;   /* connections with events to report */
	struct list holding; /* connections with messages that the caller may still read */
	struct list connecting;
	struct list requests;
	bool armed; /* the caller sleeps on fd, or is about to sleep */
};

/* An item on its way to the peer: a message in a slot of the sender, or a post of the sender. */
struct loop_item {
	const char *msg; /* NULL: a post */
	uint32_t len;
	uint32_t post; /* the number of the post */
};

/* The queue from one end to the other. Free-running counts: freed <= seen <= flushed <= queued. */
struct loop_queue {
	struct loop_item *items;
	uint32_t mask, freed, seen, flushed, queued;
	char *slots; /* send buffers of the sender's msg_max bytes each, used in ring order */
	uint32_t nr_slots, next_slot, used_slots;
	uint32_t nr_posts, max_posts; /* posts among the items */
	bool cut;		      /* a post was not executed, so nothing after it is reported */
};

struct loop_post {
	struct tp_op op;
	int status;
};

/* READs and WRITEs: a ring in post order. Free-running counts: reported <= done <= tail. */
struct loop_posts {
	struct loop_post *ring;
	uint32_t mask, reported, done, tail;
};

enum loop_state { LOOP_STATE_CONNECTING, LOOP_STATE_OPEN, LOOP_STATE_CLOSED, LOOP_STATE_DEAD };

struct loop_conn {
	struct tp_conn base;
	struct loop_pair *pair;
	struct list ready_link, holding_link, connecting_link; /* in the lists of its domain */
	bool ready, holding, connecting;
	enum loop_state state;
	int status;	      /* of the TP_EV_CLOSED to come */
	bool reported;	      /* TP_EV_CONNECTED has been reported */
	bool taken;	      /* this end has an owner, which has not freed it */
	bool waiting_buf;     /* msg_buf got NULL: a TP_EV_READY is due when there is a buffer */
	bool waiting_post;    /* post got -EAGAIN: a TP_EV_READY is due when there is space */
	uint64_t deadline_ns; /* while connecting */
	struct keys *keys;    /* the memory that the peer can reach; NULL: none */
	struct loop_queue out;
	struct loop_posts posts; /* the peer executes them */
};

/* A pair is freed when both ends are free, because each reads the send buffers of the other. */
struct loop_pair {
	struct loop_conn ends[2]; /* end 0 connects, end 1 accepts */
};

struct loop_listener {
	struct tp_listener base;
	struct list link; /* in the list of all listeners */
	struct loop_domain *domain;
};

struct loop_request {
	struct tp_request base;
	struct list link;		/* in the listener's domain, until it is reported */
	struct loop_listener *listener; /* NULL once it is reported */
	struct loop_pair *pair;
};

static inline struct loop_conn *loop_conn_of(struct tp_conn *conn)
{
	return (struct loop_conn *)conn;
}

static inline struct loop_domain *loop_domain_of(const struct loop_conn *conn)
{
	return (struct loop_domain *)conn->base.domain;
}

static inline struct loop_conn *loop_peer(const struct loop_conn *conn)
{
	return &conn->pair->ends[conn == &conn->pair->ends[0]];
}

/* domain.c */
int loop_domain_open(const struct tp_domain_config *config, struct tp_domain **domain);
void loop_domain_close(struct tp_domain *domain);
int loop_domain_local(struct tp_domain *domain, void *base, size_t len);
/* Let fd become readable at at_ns; 0: never. This also takes back an earlier expiry. */
void loop_set_fd(struct loop_domain *domain, uint64_t at_ns);
/* Wake the caller if it sleeps on the domain's fd. */
void loop_wake(struct loop_domain *domain);
/* Put an end with events to report into the list of its domain, and wake the caller. */
void loop_make_ready(struct loop_conn *conn);

/* listener.c */
int loop_listen(struct tp_domain *domain, const struct tp_addr *addr,
		struct tp_listener **listener);
void loop_unlisten(struct tp_listener *listener);
int loop_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		struct tp_conn **conn);
int loop_connect(struct tp_domain *domain, struct tp_device *device, const struct tp_addr *peer,
		 unsigned timeout_ms, void *user, struct tp_conn **conn);

/* conn.c */
/* Give a zeroed end its buffers and its domain. Returns 0 or -ENOMEM. */
int loop_conn_init(struct loop_conn *conn, struct loop_domain *domain, void *user);
void loop_conn_fini(struct loop_conn *conn);
/* Give an end back; the second one frees the pair. */
void loop_conn_put(struct loop_conn *conn);
/* Put the end into its domain's list of connecting ends, or take it out. */
void loop_conn_connecting(struct loop_conn *conn, bool on);
/* End this end with a status; 0: the peer left. It has no effect if the end has ended already. */
void loop_conn_close(struct loop_conn *conn, int status);
void loop_conn_release(struct loop_conn *conn);
void loop_disconnect(struct tp_conn *conn);
void loop_conn_free(struct tp_conn *conn);

/* poll.c */
int loop_poll(struct tp_domain *domain, struct tp_event *events, int max);
int loop_arm(struct tp_domain *domain);

/* data.c */
void *loop_msg_buf(struct tp_conn *conn);
void loop_msg_send(struct tp_conn *conn, size_t len);
int loop_post(struct tp_conn *conn, const struct tp_op *op);
void loop_flush(struct tp_conn *conn);
bool loop_has_buf(const struct loop_conn *conn);
bool loop_has_post(const struct loop_conn *conn);
/*
 * Execute a post of the peer, which reaches memory of `owner`; the caller has entered its key
 * table. False: the post failed, and the connection has ended.
 */
bool loop_execute(struct loop_conn *owner, uint32_t post);

#endif
