/*
 * The state machine of a connection: one function for each state, which the domain's poll calls
 * when the connection has been woken. A connection never returns to an earlier state. It owns its
 * state, and only the domain's thread runs this.
 */
#include "common/tcp/conn/state.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/fork.h"
#include "common/base/log.h"
#include "common/transport/connect_params.h"
#include "common/transport/wire_errno.h"

/* The time for closing: sending what is queued, then this end's FIN, then the peer's FIN. */
#define CLOSING_TIMEOUT_MS 1000

/*
 * EPOLLOUT is asked for until it comes without anything that waits for it. So a stream that fills
 * the socket repeatedly does not need a system call each time.
 */
void tcp_state_writable(struct tcp_conn *conn)
{
	if (conn->state != TCP_STATE_CONNECTING && !conn->tx.blocked)
		tcp_conn_watch(conn, 0);
	conn->tx.blocked = false;
	if (conn->tls)
		tcp_tx_resume(conn);
}

/* End the connection. The next polls report the events that are left, TP_EV_CLOSED last. */
void tcp_state_end(struct tcp_conn *conn, int status)
{
	if (conn->state >= TCP_STATE_CLOSED)
		return;
	if (conn->state == TCP_STATE_CLOSING) {
		status = conn->status;
		tcp_posts_fail(&conn->posts, status ? status : -ECANCELED);
	} else {
		tcp_posts_fail(&conn->posts, status ? status : -ECONNRESET);
	}
	conn->status = status;
	conn->state = TCP_STATE_CLOSED;
	if (conn->tls && *tls_why(conn->tls))
		tp_blame(&conn->base, status, "%s", tls_why(conn->tls));
	tcp_timer_stop(&tcp_domain_of(conn)->timers, &conn->timer);
	tcp_poller_remove(&tcp_domain_of(conn)->poller, &conn->source);
	fork_close(conn->source.fd);
	conn->source.fd = -1;
	tcp_conn_wake(conn);
}

static void begin_closing(struct tcp_conn *conn, int status)
{
	conn->state = TCP_STATE_CLOSING;
	conn->status = status;
	tcp_timer_set(&tcp_domain_of(conn)->timers, &conn->timer, CLOSING_TIMEOUT_MS);
	tcp_conn_wake(conn);
}

/*
 * When the peer broke the rules: send it a TERMINATE with the reason, and close. A frame that is
 * partly sent has to be completed first. So all posts fail only at the end, also those whose frame
 * is dropped here. The next poll sends, because the caller of this function may be sending.
 */
static void refuse(struct tcp_conn *conn, int status)
{
	begin_closing(conn, status);
	tcp_tx_drop(&conn->tx);
	tcp_tx_add(&conn->tx, WIRE_TERMINATE, NULL, 0, 0)->hdr.status =
		htole32((uint32_t)wire_from_errno(status));
}

/*
 * Send what is queued. If the memory of a payload is lost in the middle of its frame, that frame
 * cannot be completed, and the connection ends at once.
 */
void tcp_state_flush(struct tcp_conn *conn)
{
	int err = tcp_tx_flush(conn);

	if (err && conn->tx.sent)
		tcp_state_end(conn, err);
	else if (err)
		refuse(conn, err);
}

static bool sent_all(const struct tcp_conn *conn)
{
	return conn->tx.head == conn->tx.tail && !tcp_conn_holds(conn);
}

static void finish_sending(struct tcp_conn *conn)
{
	tcp_state_flush(conn);
	if (conn->state != TCP_STATE_CLOSING || conn->shut || !sent_all(conn))
		return;
	if (conn->tls && !tls_farewell(conn->tls)) {
		tcp_conn_watch(conn, EPOLLOUT);
		return;
	}
	shutdown(conn->source.fd, SHUT_WR);
	conn->shut = true;
}

void tcp_state_disconnect(struct tp_conn *base)
{
	struct tcp_conn *conn = tcp_conn_of(base);

	if (conn->state < TCP_STATE_OPEN) {
		tcp_state_end(conn, 0);
	} else if (conn->state == TCP_STATE_OPEN) {
		begin_closing(conn, 0);
		finish_sending(conn);
	}
}

void tcp_state_timeout(struct tcp_conn *conn)
{
	tcp_state_end(conn, -ETIMEDOUT);
}

/*
 * End a connection before the peer's connect parameters. `err` is that of sending or receiving; 0:
 * the peer has closed it.
 */
static void end_early(struct tcp_conn *conn, int err)
{
	bool here = err && err != -ECONNRESET && err != -EPIPE;

	if (conn->tls && *tls_why(conn->tls)) { /* that is the whole reason */
		tcp_state_end(conn, err == -EPROTO ? err : -ECONNABORTED);
		return;
	}
	if (here && !conn->keys)
		log_peer("a connection that was accepted cannot be used: %s", strerror(-err));
	if (here)
		tcp_state_end(conn, tp_blame(&conn->base, -ECONNABORTED,
					     "cannot be talked to from here: %s", strerror(-err)));
	else
		tcp_state_end(conn, tp_blame(&conn->base, -ECONNABORTED,
					     "took the connection and closed it at once"));
}

/* Send this end's connect parameters, and wait for the peer's. */
static void send_params(struct tcp_conn *conn)
{
	const struct tp_domain_config *config = &tcp_domain_of(conn)->config;
	struct connect_params mine;
	struct iovec iov = {&mine, sizeof(mine)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	conn->state = TCP_STATE_PARAMS;
	connect_params_make(&mine, config->msg_max, config->nr_recvs);
	/* A new socket takes these 16 bytes, unless the peer has closed the connection already. */
	sent = conn->tls ? tls_send(conn->tls, &msg, MSG_NOSIGNAL)
			 : sendmsg(conn->source.fd, &msg, MSG_NOSIGNAL);
	if (sent != (ssize_t)sizeof(mine) || tcp_conn_holds(conn))
		end_early(conn, sent < 0 ? -errno : 0);
}

void tcp_state_start(struct tcp_conn *conn)
{
	if (!conn->tls) {
		send_params(conn);
		return;
	}
	conn->state = TCP_STATE_SECURING;
	tcp_conn_wake(conn);
}

/*
 * True if the socket is connected to itself. That happens when the port is a free one of this host
 * and the kernel chooses the same port as the source.
 */
static bool found_itself(int fd)
{
	struct sockaddr_storage here = {0}, there = {0};
	socklen_t here_len = sizeof(here), there_len = sizeof(there);

	return !getsockname(fd, (struct sockaddr *)&here, &here_len) &&
	       !getpeername(fd, (struct sockaddr *)&there, &there_len) && here_len == there_len &&
	       !memcmp(&here, &there, here_len);
}

static void run_connecting(struct tcp_conn *conn, struct tcp_sink *sink)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (conn->tx.blocked)
		return;
	if (getsockopt(conn->source.fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (!err && found_itself(conn->source.fd))
		err = ECONNREFUSED;
	if (err) {
		tcp_state_end(conn, -err);
		return;
	}
	tcp_state_start(conn);
	if (conn->state < TCP_STATE_OPEN)
		tcp_conn_watch(conn, 0);
}

static void run_open(struct tcp_conn *conn, struct tcp_sink *sink)
{
	int verdict = tcp_rx_run(conn, sink);

	if (verdict < 0)
		refuse(conn, verdict);
	else if (verdict == TCP_RX_OVER)
		tcp_state_end(conn, conn->rx.status);
	/* The user flushes neither answers to the peer nor what an earlier flush left. */
	if (conn->state == TCP_STATE_OPEN && (conn->tx.nr_resps || conn->tx.unfinished))
		tcp_state_flush(conn);
}

/* True if the peer sent a TLS record, handshake or alert, instead of connect parameters. */
static bool meant_for_tls(const struct tcp_conn *conn)
{
	const char *buf = conn->rx.buf;

	return !conn->tls && conn->rx.tail >= 2 && (buf[0] == 22 || buf[0] == 21) && buf[1] == 3;
}

static void run_params(struct tcp_conn *conn, struct tcp_sink *sink)
{
	struct connect_params theirs;
	struct tcp_rx *rx = &conn->rx;
	int err;

	if (conn->readable)
		tcp_rx_fill(conn);
	if (meant_for_tls(conn)) {
		tcp_state_end(conn,
			      tp_blame(&conn->base, -EPROTONOSUPPORT, "%s",
				       conn->keys ? "requires TLS: use tls:// or ?tls=required"
						  : "speaks TLS, and this address does not"));
		return;
	}
	if (rx->tail < sizeof(theirs)) {
		if (rx->over)
			end_early(conn, rx->status);
		return;
	}
	memcpy(&theirs, rx->buf, sizeof(theirs));
	err = connect_params_check(&theirs, &theirs, conn->base.why);
	if (err) {
		tcp_state_end(conn, err);
		return;
	}
	rx->head = sizeof(theirs);
	conn->base.msg_max = tcp_domain_of(conn)->config.msg_max;
	if (theirs.msg_max < conn->base.msg_max)
		conn->base.msg_max = theirs.msg_max;
	tcp_timer_stop(&tcp_domain_of(conn)->timers, &conn->timer);
	conn->state = TCP_STATE_OPEN;
	tcp_sink_add(sink, TP_EV_CONNECTED, &conn->base);
	run_open(conn, sink);
}

static void run_securing(struct tcp_conn *conn, struct tcp_sink *sink)
{
	int err = tls_handshake(conn->tls, &conn->base.channel);

	if (err == -EINPROGRESS) {
		if (tls_wants_out(conn->tls))
			tcp_conn_watch(conn, EPOLLOUT);
		return;
	}
	if (err) {
		tcp_state_end(conn, err);
		return;
	}
	send_params(conn);
	conn->readable = true; /* TLS may have read more than its handshake */
	if (conn->state == TCP_STATE_PARAMS)
		run_params(conn, sink);
}

static void run_closing(struct tcp_conn *conn, struct tcp_sink *sink)
{
	finish_sending(conn);
	if (conn->state == TCP_STATE_CLOSING)
		tcp_rx_discard(conn);
	if (conn->state == TCP_STATE_CLOSING && (conn->rx.over || conn->tx.broken))
		tcp_state_end(conn, conn->status);
}

static void run_nothing(struct tcp_conn *conn, struct tcp_sink *sink)
{
}

/* True if the user was refused a resource that is free now, so that it has to get a TP_EV_READY. */
static bool ready_again(struct tcp_conn *conn)
{
	bool buf = conn->tx.waiting_for_buf && conn->tx.used_slots < conn->tx.nr_slots;
	bool post = conn->posts.waiting_for_room && !tcp_posts_full(&conn->posts);

	if (buf)
		conn->tx.waiting_for_buf = false;
	if (post)
		conn->posts.waiting_for_room = false;
	return buf || post;
}

/* Report TP_EV_DONEs, then TP_EV_READY or TP_EV_CLOSED. Each comes only after all before it. */
static void report(struct tcp_conn *conn, struct tcp_sink *sink)
{
	tcp_posts_report(conn, sink);
	if (tcp_sink_full(sink))
		return;
	if (conn->state == TCP_STATE_OPEN && ready_again(conn)) {
		tcp_sink_add(sink, TP_EV_READY, &conn->base);
	} else if (conn->state == TCP_STATE_CLOSED) {
		conn->state = TCP_STATE_DEAD;
		tcp_sink_add(sink, TP_EV_CLOSED, &conn->base)->status = conn->status;
	}
}

void tcp_state_run(struct tcp_conn *conn, struct tcp_sink *sink)
{
	static void (*const run[TCP_NR_STATES])(struct tcp_conn *, struct tcp_sink *) = {
		[TCP_STATE_CONNECTING] = run_connecting, [TCP_STATE_SECURING] = run_securing,
		[TCP_STATE_PARAMS] = run_params,	 [TCP_STATE_OPEN] = run_open,
		[TCP_STATE_CLOSING] = run_closing,	 [TCP_STATE_CLOSED] = run_nothing,
		[TCP_STATE_DEAD] = run_nothing,
	};

	run[conn->state](conn, sink);
	report(conn, sink);
	/* A full sink may have stopped any step, so the next poll has to go on. */
	if (tcp_sink_full(sink) && conn->state != TCP_STATE_DEAD)
		tcp_conn_wake(conn);
}
