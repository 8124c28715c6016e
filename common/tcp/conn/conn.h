/*
 * A connection. Its parts have files of their own: what it sends (tx.h), what it receives (rx.h),
 * and its operations (post.h). conn.c makes and frees it, and state.c runs it. Only the domain's
 * thread uses it.
 */
#ifndef USRBIO_COMMON_TCP_CONN_CONN_H
#define USRBIO_COMMON_TCP_CONN_CONN_H

#include "common/transport/key_device.h"
#include "common/transport/reach.h"
#include "common/tcp/conn/domain.h"
#include "common/tcp/conn/post.h"
#include "common/tcp/conn/rx.h"
#include "common/tcp/tls/tls.h"
#include "common/tcp/conn/tx.h"

enum tcp_state {
	TCP_STATE_CONNECTING, /* connect(2) is under way */
	TCP_STATE_SECURING,   /* the TLS handshake is under way */
	TCP_STATE_PARAMS,     /* the peer's connect parameters have not come */
	TCP_STATE_OPEN,
	TCP_STATE_CLOSING, /* it sends what is queued, and discards what it receives */
	TCP_STATE_CLOSED,  /* the socket is closed; events are still to be reported */
	TCP_STATE_DEAD,	   /* TP_EV_CLOSED has been reported */
	TCP_NR_STATES,
};

struct tcp_conn {
	/* The fields that each message touches come first. */
	struct tp_conn base;
	struct list link;
	struct keys *keys; /* the memory that the peer can reach; NULL: none */
	struct tls *tls;   /* NULL: the connection is not encrypted */
	struct tcp_source source;
	enum tcp_state state;
	int status;    /* of the TP_EV_CLOSED that is to come */
	bool queued;   /* in the domain's list `ready` */
	bool readable; /* the socket may have something to receive */
	bool shut;     /* this end's FIN was sent */
	struct tcp_rx rx;
	struct tcp_tx tx;
	struct tcp_posts posts;
	struct tcp_timer timer;
	struct list peers;
};

static inline struct tcp_conn *tcp_conn_of(struct tp_conn *conn)
{
	return (struct tcp_conn *)conn;
}

static inline struct tcp_domain *tcp_domain_of(const struct tcp_conn *conn)
{
	return (struct tcp_domain *)conn->base.domain;
}

static inline void tcp_conn_wake(struct tcp_conn *conn)
{
	tcp_domain_wake(tcp_domain_of(conn), conn);
}

/* Let epoll report when the socket can be read, and with EPOLLOUT also when it can be written. */
static inline void tcp_conn_watch(struct tcp_conn *conn, uint32_t out)
{
	tcp_poller_change(&tcp_domain_of(conn)->poller, &conn->source, EPOLLIN | out);
}

/* True if TLS holds bytes that wait for the socket. They count as sent already. */
static inline bool tcp_conn_holds(const struct tcp_conn *conn)
{
	return conn->tls && tls_holds(conn->tls);
}

/* Call reach_find() and reach_deny() (reach.h) for the peer of this connection. */
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

/* Get the most bytes of memory that a connection takes. */
size_t tcp_conn_bytes(const struct tcp_domain *domain);
int tcp_conn_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		    struct tp_conn **conn);
int tcp_conn_connect(struct tp_domain *domain, struct tp_device *device, const struct tp_addr *peer,
		     unsigned timeout_ms, void *user, struct tp_conn **conn);
void tcp_conn_free(struct tp_conn *conn);

#endif
