/* The receiving side of a connection, which cuts bytes into frames. */
#ifndef USRBIO_COMMON_TCP_CONN_RX_H
#define USRBIO_COMMON_TCP_CONN_RX_H

#include "common/tcp/base/sink.h"
#include "common/tcp/base/wire.h"

#define TCP_RX_BUF 65536

struct tcp_conn;

struct tcp_rx {
	char *buf; /* TCP_RX_BUF bytes */
	uint32_t head, tail;
	uint64_t pinned;	/* the last round in which a message in buf was handed out */
	struct wire_header now; /* the header of the current frame, in host order */
	bool in_payload;
	char *target;
	uint32_t left; /* bytes missing at target */
	bool over;     /* nothing more will come */
	int status;    /* why it is over */
};

enum tcp_rx_verdict { TCP_RX_GOES_ON, TCP_RX_OVER };

/* Receive once. False: nothing came, or there is no room in the buffer before the next poll. */
bool tcp_rx_fill(struct tcp_conn *conn);
/*
 * Receive frames, and report them. TCP_RX_OVER: nothing more will come, all that came has been
 * reported, and rx->status is the reason. -errno: the peer broke the rules and is to be refused.
 */
int tcp_rx_run(struct tcp_conn *conn, struct tcp_sink *sink);
/* Receive, and discard the bytes. */
void tcp_rx_discard(struct tcp_conn *conn);

#endif
