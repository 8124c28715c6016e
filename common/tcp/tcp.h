/*
 * Inside the tcp and tls providers: the structs their files share. One-sided operations are
 * emulated: the owner of the memory places and answers by itself, inside its poll().
 *
 * Threads: a device's key table is shared (keys.h). All else belongs to one domain and is touched
 * by that domain's thread only; there is no other lock.
 */
#ifndef USRBIO_COMMON_TCP_TCP_H
#define USRBIO_COMMON_TCP_TCP_H

#include <sys/queue.h>

#include "common/transport/key_device.h"
#include "common/transport/reach.h"
#include "common/tcp/poller.h"
#include "common/tcp/timer.h"
#include "common/tcp/tls.h"
#include "common/tcp/wire.h"
#include "common/transport/transport.h"

#define TCP_NR_LOCALS 64

/* The caller's array of events, filled by one poll. */
struct tcp_sink {
	struct tp_event *events;
	int n;
	int max;
};

TAILQ_HEAD(tcp_conn_list, tcp_conn);

struct tcp_local {
	uintptr_t base;
	size_t len;
};

struct tcp_domain {
	struct tp_domain base; /* fd: the poller's */
	struct tcp_poller poller;
	struct tp_domain_config config;
	struct tcp_local locals[TCP_NR_LOCALS];
	int nr_locals;
	uint32_t nr_conns;
	struct tcp_conn *only;	    /* the connection while there is exactly one */
	struct tcp_conn_list conns; /* all of them, by `peers` */
	struct tcp_conn_list ready; /* those with something to do or to tell, by `link` */
	struct tcp_timers timers;
	uint64_t round;	  /* number of polls: what an earlier one handed out is free again */
	bool secure;	  /* its connections go through TLS */
	unsigned skipped; /* polls since the last look at epoll */
	bool armed;	  /* the caller sleeps or has just woken: look at epoll first */
};

struct tcp_rx {
	char *buf; /* TCP_RX_BUF bytes */
	uint32_t head, tail;
	uint64_t pinned;	/* the round in which messages in buf were handed out */
	struct wire_header now; /* host order: whose payload is being received */
	bool in_payload;
	char *target;
	uint32_t left; /* bytes missing at target */
	bool over;     /* nothing more will come: */
	int status;    /* why */
};

/* A frame waiting to be handed to the kernel: header, then payload in place or in a pipe. */
struct tcp_frame {
	struct wire_header hdr;
	const char *payload;
	int pipe; /* 0: none */
	uint32_t len;
	uint32_t ref;	    /* of WRITE and READ_REQ: its post */
	struct reach reach; /* of READ_RESP: whose the payload is */
};

struct tcp_tx {
	struct tcp_frame *frames; /* a ring; free-running head and tail */
	uint32_t mask, head, tail;
	uint64_t sent; /* bytes of the head frame the kernel has already */
	char *slots;   /* send buffers, used in ring order */
	uint32_t nr_slots, next_slot, used_slots;
	uint32_t nr_resps; /* READ_RESPs among the frames */
	bool slot_taken;   /* msg_buf without msg_send */
	bool blocked;	   /* until the socket is writable (or connected) */
	bool unfinished;   /* a flush had to stop: poll() goes on with it */
	bool starved;	   /* msg_buf said NULL: owes a READY */
	int broken;	   /* the socket takes nothing any more: why */
};

struct tcp_post {
	void *cookie;
	void *local;
	uint32_t len;
	int status;
	enum tp_kind kind;
	bool sent;
	bool done;
};

struct tcp_posts {
	struct tcp_post *ring; /* free-running indices */
	uint32_t mask, head, tail;
	uint32_t max;
	uint32_t next_read; /* the oldest READ without an answer is here or later */
	uint32_t nr_reads;  /* READs without an answer */
	bool starved;	    /* post said -EAGAIN: owes a READY */
};

enum tcp_state {
	TCP_STATE_CONNECTING, /* connect(2) under way */
	TCP_STATE_SECURING,   /* TLS shakes hands */
	TCP_STATE_PROLOGUE,   /* waiting for the peer's first bytes */
	TCP_STATE_OPEN,
	TCP_STATE_CLOSING, /* sending the rest, discarding what comes */
	TCP_STATE_CLOSED,  /* no socket any more; events still to be told */
	TCP_STATE_DEAD,	   /* TP_EV_CLOSED has been told */
	TCP_NR_STATES,
};

struct tcp_conn {
	/* First what each message touches. */
	struct tp_conn base;
	TAILQ_ENTRY(tcp_conn) link;
	struct keys *keys; /* what the peer can reach; NULL: nothing */
	struct tls *tls;   /* between us and the socket; NULL: nothing */
	struct tcp_source source;
	enum tcp_state state;
	int status; /* of the TP_EV_CLOSED to come */
	bool queued;
	bool readable; /* the socket may have something to receive */
	bool shut;     /* our FIN is out */
	struct tcp_rx rx;
	struct tcp_tx tx;
	struct tcp_posts posts;
	struct tcp_timer timer;
	TAILQ_ENTRY(tcp_conn) peers;
};

struct tcp_listener {
	struct tp_listener base;
	struct tcp_source source;
	struct tcp_timer timer; /* set while out of descriptors */
	struct tcp_domain *domain;
	bool complained;
};

struct tcp_request {
	struct tp_request base;
	int fd;
};

#define TCP_RX_BUF 65536

/* The smallest power of two that holds n. */
static inline uint32_t tcp_ring_size(uint32_t n)
{
	uint32_t size = 1;

	while (size < n)
		size *= 2;
	return size;
}

static inline struct tcp_conn *tcp_conn_of(struct tp_conn *conn)
{
	return (struct tcp_conn *)conn;
}

static inline struct tcp_domain *tcp_domain_of(const struct tcp_conn *conn)
{
	return (struct tcp_domain *)conn->base.domain;
}

/* TLS has bytes that wait for the socket: they count as sent to those who gave them. */
static inline bool tcp_conn_holds(const struct tcp_conn *conn)
{
	return conn->tls && tls_holds(conn->tls);
}

static inline bool tcp_tx_empty(const struct tcp_conn *conn)
{
	return conn->tx.head == conn->tx.tail && !tcp_conn_holds(conn);
}

/* The memory that the peer names, if it may; and why not, in the log. As reach.h. */
static inline char *tcp_conn_granted(const struct tcp_conn *conn, enum tp_access access,
				     const struct reach *reach)
{
	return reach_find(&conn->base, &tcp_domain_of(conn)->config, conn->keys, access, reach);
}

static inline int tcp_conn_deny(struct tcp_conn *conn, enum tp_access access,
				const struct reach *reach)
{
	return reach_deny(&conn->base, &tcp_domain_of(conn)->config, conn->keys, access, reach);
}

/* Have the connection run by the next poll. */
void tcp_domain_wake(struct tcp_domain *domain, struct tcp_conn *conn);

static inline void tcp_conn_wake(struct tcp_conn *conn)
{
	tcp_domain_wake(tcp_domain_of(conn), conn);
}

/* Have epoll say when the socket can be read, and with EPOLLOUT also when it can be written. */
static inline void tcp_conn_watch(struct tcp_conn *conn, uint32_t out)
{
	tcp_poller_change(&tcp_domain_of(conn)->poller, &conn->source, EPOLLIN | out);
}

static inline bool tcp_sink_full(const struct tcp_sink *sink)
{
	return sink->n == sink->max;
}

/* The next free event, for `conn`; only while the sink is not full. */
static inline struct tp_event *tcp_tell(struct tcp_sink *sink, enum tp_event_type type,
					struct tcp_conn *conn)
{
	struct tp_event *event = &sink->events[sink->n++];

	*event = (struct tp_event){.type = type, .conn = conn ? &conn->base : NULL};
	return event;
}

/* domain.c */
int tcp_domain_open(const struct tp_ops *ops, const struct tp_domain_config *config,
		    struct tcp_domain **domain);
void tcp_domain_close(struct tp_domain *domain);
int tcp_domain_local(struct tp_domain *domain, void *base, size_t len);
bool tcp_domain_owns(const struct tcp_domain *domain, const void *base, size_t len);
void tcp_domain_add(struct tcp_domain *domain, struct tcp_conn *conn);
void tcp_domain_remove(struct tcp_domain *domain, struct tcp_conn *conn);

/* poll.c */
int tcp_poll(struct tp_domain *domain, struct tp_event *events, int max);
int tcp_poll_arm(struct tp_domain *domain);

/* listener.c */
int tcp_listener_open(struct tp_domain *domain, const struct tp_addr *addr,
		      struct tp_listener **listener);
void tcp_listener_close(struct tp_listener *listener);
void tcp_listener_run(struct tcp_listener *listener, struct tcp_sink *sink);
void tcp_listener_timeout(struct tcp_listener *listener);

/* conn.c: how a connection begins and is freed */
/* The memory that a connection takes at most, in bytes. */
size_t tcp_conn_bytes(const struct tcp_domain *domain);
int tcp_conn_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		    struct tp_conn **conn);
int tcp_conn_connect(struct tp_domain *domain, struct tp_device *device, const struct tp_addr *peer,
		     unsigned timeout_ms, void *user, struct tp_conn **conn);
void tcp_conn_free(struct tp_conn *conn);

/* state.c: how it lives and ends */
void tcp_state_start(struct tcp_conn *conn);
void tcp_state_disconnect(struct tp_conn *conn);
void tcp_state_run(struct tcp_conn *conn, struct tcp_sink *sink);
void tcp_state_writable(struct tcp_conn *conn);
void tcp_state_timeout(struct tcp_conn *conn);
void tcp_state_flush(struct tcp_conn *conn);
void tcp_state_end(struct tcp_conn *conn, int status);

/* rx.c */
bool tcp_rx_fill(struct tcp_conn *conn);
/*
 * Receive, and tell what came. TCP_RX_OVER: nothing more will come and all that came has been told;
 * rx->status says why. -errno: the peer broke the rules and is to be refused.
 */
enum tcp_rx_verdict { TCP_RX_GOES_ON, TCP_RX_OVER };
int tcp_rx_run(struct tcp_conn *conn, struct tcp_sink *sink);
void tcp_rx_discard(struct tcp_conn *conn);

/* tx.c */
/* What tcp_tx_init allocates. */
size_t tcp_tx_bytes(const struct tp_domain_config *config);
int tcp_tx_init(struct tcp_tx *tx, const struct tp_domain_config *config);
void tcp_tx_fini(struct tcp_tx *tx);
struct tcp_frame *tcp_tx_add(struct tcp_conn *conn, enum wire_op op, const void *payload,
			     uint32_t len, uint32_t ref);
/* Send what is queued. 0, or -EACCES: a READ has to be answered with memory that is lost. */
int tcp_tx_flush(struct tcp_conn *conn);
/* The socket takes more: what TLS holds goes before all else. */
void tcp_tx_resume(struct tcp_conn *conn);
/* Forget all that has not begun to be sent. */
void tcp_tx_drop(struct tcp_conn *conn);

/* post.c */
size_t tcp_posts_bytes(const struct tp_domain_config *config);
int tcp_posts_init(struct tcp_posts *posts, const struct tp_domain_config *config);
void tcp_posts_fini(struct tcp_posts *posts);
/* Add a READ or WRITE, while the ring is not full. The index by which the calls below name it. */
uint32_t tcp_posts_add(struct tcp_posts *posts, const struct tp_op *op);
void tcp_posts_sent(struct tcp_conn *conn, uint32_t index);
/* The READ a response with this cookie and length answers, or NULL. */
struct tcp_post *tcp_posts_answer(struct tcp_conn *conn, uint64_t cookie, uint32_t len);
void tcp_posts_placed(struct tcp_conn *conn);
void tcp_posts_fail(struct tcp_conn *conn, int status);
void tcp_posts_tell(struct tcp_conn *conn, struct tcp_sink *sink);
bool tcp_posts_full(const struct tcp_posts *posts);

/* send.c */
void *tcp_send_buf(struct tp_conn *conn);
void tcp_send_msg(struct tp_conn *conn, size_t len);
int tcp_send_post(struct tp_conn *conn, const struct tp_op *op);
void tcp_send_flush(struct tp_conn *conn);

#endif
