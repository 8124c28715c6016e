/* A listener, and the connection requests that it hands out. */
#ifndef USRBIO_COMMON_TCP_CONN_LISTENER_H
#define USRBIO_COMMON_TCP_CONN_LISTENER_H

#include "common/tcp/conn/domain.h"
#include "common/tcp/base/sink.h"

struct tcp_listener {
	struct tp_listener base;
	struct tcp_source source;
	struct tcp_timer timer; /* set while the listener pauses */
	struct tcp_domain *domain;
	bool pause_logged; /* false again when a connection is accepted */
};

/* An accepted socket that waits for a domain to take it. The caller owns it. */
struct tcp_request {
	struct tp_request base;
	int fd;
	bool secure; /* TLS goes before the connect parameters */
};

/* Refuse a request for now, and free it. Nothing is kept. */
void tcp_listener_refuse(struct tcp_request *request);
int tcp_listener_open(struct tp_domain *domain, const struct tp_addr *addr,
		      struct tp_listener **listener);
void tcp_listener_close(struct tp_listener *listener);
/* Accept connections, when epoll reports that some wait. */
void tcp_listener_run(struct tcp_listener *listener, struct tcp_sink *sink);
/* End the pause, when the listener's timer has expired. */
void tcp_listener_timeout(struct tcp_listener *listener);

#endif
