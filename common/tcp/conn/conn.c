/*
 * A connection: how connect and accept make it, and how it is freed. All its memory is allocated
 * here; state.c runs it. The caller of connect or accept owns it, and only the thread of its domain
 * uses it.
 */
#include "common/tcp/conn/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/fork.h"
#include "common/base/log.h"
#include "common/fault_points/faults.h"
#include "common/tcp/conn/listener.h"
#include "common/tcp/conn/state.h"

/*
 * TCP ends a connection if the peer's kernel does not answer for this long (measured: after 3.2 s).
 * Since Linux 5.11 it also ends a connection if the peer's receive window stays closed for this
 * long (measured: after 3.5 s). So a domain has to be polled now and then while its peers may send.
 */
#define USER_TIMEOUT_MS 3000
/*
 * The time within which a peer that was accepted has to send its connect parameters. Until then it
 * takes a descriptor.
 */
#define PARAMS_TIMEOUT_MS 5000

size_t tcp_conn_bytes(const struct tcp_domain *domain)
{
	const struct tp_domain_config *config = &domain->config;

	return sizeof(struct tcp_conn) + TCP_RX_BUF + tcp_tx_bytes(config) +
	       tcp_posts_bytes(config) + (domain->secure ? TLS_BYTES : 0);
}

static void set_options(int fd)
{
	unsigned timeout = USER_TIMEOUT_MS;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

/* Make a connection. Returns 0 or -errno; only after success the connection owns the socket. */
static int conn_new(struct tcp_domain *domain, int fd, enum tcp_state state, uint32_t events,
		    void *user, struct tcp_conn **out)
{
	struct tcp_conn *conn = calloc(1, sizeof(*conn));
	int err = -ENOMEM;

	if (!conn)
		return -ENOMEM;
	conn->base =
		(struct tp_conn){.ops = domain->base.ops, .domain = &domain->base, .user = user};
	conn->source = (struct tcp_source){.kind = TCP_SOURCE_CONN, .events = events, .fd = fd};
	conn->timer.source = &conn->source;
	conn->state = state;
	conn->rx.buf = malloc(TCP_RX_BUF);
	if (!conn->rx.buf)
		goto err_conn;
	err = tcp_tx_init(&conn->tx, &domain->config);
	if (err)
		goto err_rx;
	err = tcp_posts_init(&conn->posts, &domain->config);
	if (err)
		goto err_tx;
	if (domain->secure)
		err = tls_open(domain->config.tls, state != TCP_STATE_CONNECTING, fd, &conn->tls);
	if (err)
		goto err_posts;
	err = tcp_poller_add(&domain->poller, &conn->source);
	if (err)
		goto err_tls;
	set_options(fd);
	tcp_domain_add(domain, conn);
	*out = conn;
	return 0;

err_tls:
	tls_close(conn->tls);
err_posts:
	tcp_posts_fini(&conn->posts);
err_tx:
	tcp_tx_fini(&conn->tx);
err_rx:
	free(conn->rx.buf);
err_conn:
	free(conn);
	return err;
}

int tcp_conn_accept(struct tp_domain *domain, struct tp_request *request, void *user,
		    struct tp_conn **out)
{
	struct tcp_domain *dom = (struct tcp_domain *)domain;
	struct tcp_request *req = (struct tcp_request *)request;
	struct tcp_conn *conn;
	int err = dom ? conn_new(dom, req->fd, TCP_STATE_PARAMS, EPOLLIN, user, &conn) : 0;

	if (!dom || err) {
		tcp_listener_refuse(req);
		return err;
	}
	free(req);
	tcp_timer_set(&dom->timers, &conn->timer, PARAMS_TIMEOUT_MS);
	tcp_state_start(conn);
	*out = &conn->base;
	return 0;
}

/*
 * Make the socket of a connection. -ENODEV: this process may not use sockets of that family, or the
 * kernel does not have it; logged.
 */
static int open_socket(int family)
{
	int fd = fork_own(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	int err = errno;

	if (fd >= 0)
		return fd;
	log_error("cannot make a socket for %s: %s", family == AF_INET6 ? "IPv6" : "IPv4",
		  strerror(err));
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM ? -err : -ENODEV;
}

/*
 * Begin to connect. 0 or -errno. -EHOSTUNREACH: among others, if this machine forbids it by a rule
 * of its firewall or a filter of system calls.
 */
static int begin(struct tcp_conn *conn, const struct tp_addr *peer)
{
	if (fault_errno(TCP_CONNECT_FAIL, ECONNREFUSED))
		return -errno;
	if (!connect(conn->source.fd, (const struct sockaddr *)&peer->ss, peer->len) ||
	    errno == EINPROGRESS)
		return 0;
	if (errno == EPERM || errno == EACCES)
		return tp_blame(&conn->base, -EHOSTUNREACH,
				"cannot be reached, because this machine forbids it: %s",
				strerror(errno));
	return -errno;
}

int tcp_conn_connect(struct tp_domain *domain, struct tp_device *device, const struct tp_addr *peer,
		     unsigned timeout_ms, void *user, struct tp_conn **out)
{
	struct tcp_domain *dom = (struct tcp_domain *)domain;
	struct tcp_conn *conn;
	int fd, err;

	fd = open_socket(peer->ss.ss_family);
	if (fd < 0)
		return fd;
	err = conn_new(dom, fd, TCP_STATE_CONNECTING, 0, user, &conn);
	if (err) {
		fork_close(fd);
		return err;
	}
	conn->keys = &((struct key_device *)device)->keys;
	conn->tx.blocked = true;
	tcp_timer_set(&dom->timers, &conn->timer, timeout_ms);
	err = begin(conn, peer);
	if (err)
		tcp_state_end(conn, err);
	else
		tcp_poller_change(&dom->poller, &conn->source, EPOLLOUT);
	*out = &conn->base;
	return 0;
}

void tcp_conn_free(struct tp_conn *base)
{
	struct tcp_conn *conn = tcp_conn_of(base);
	struct tcp_domain *domain = tcp_domain_of(conn);

	tcp_state_end(conn, 0);
	if (conn->queued)
		list_del(&conn->link);
	tcp_domain_remove(domain, conn);
	tls_close(conn->tls);
	tcp_posts_fini(&conn->posts);
	tcp_tx_fini(&conn->tx);
	free(conn->rx.buf);
	free(conn);
}
