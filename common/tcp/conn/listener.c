/*
 * A listener accepts sockets in its domain's poll, and hands them out as requests. If there is no
 * free descriptor, it pauses, because its socket stays readable. The caller owns the listener, and
 * only the domain's thread uses it.
 */
#include "common/tcp/conn/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/fork.h"
#include "common/base/log.h"
#include "common/fault_points/faults.h"
#include "common/tcp/tls/tls.h"
#include "common/transport/addr.h"
#include "common/transport/connect_params.h"

#define BACKLOG	       1024
#define ACCEPTS_A_POLL 16
#define PAUSE_MS       100

/*
 * The refusal goes out by one call that does not wait: a new socket takes a few bytes. If the peer
 * has closed it already, nobody needs them.
 */
void tcp_listener_refuse(struct tcp_request *request)
{
	struct connect_params params;

	if (request->secure) {
		tls_refuse(request->fd);
	} else {
		connect_params_refuse(&params);
		send(request->fd, &params, sizeof(params), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	fork_close(request->fd);
	free(request);
}

static int open_socket(const struct tp_addr *addr)
{
	int on = 1, family = addr->ss.ss_family, err;
	int fd = fork_own(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Then two sockets can listen at one port: for all IPv4 and for all IPv6 addresses. */
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&addr->ss, addr->len) || listen(fd, BACKLOG)) {
		err = -errno;
		fork_close(fd);
		return err;
	}
	return fd;
}

int tcp_listener_open(struct tp_domain *domain, const struct tp_addr *addr,
		      struct tp_listener **listener)
{
	struct tcp_listener *lis = calloc(1, sizeof(*lis));
	int err;

	if (!lis)
		return -ENOMEM;
	lis->base.ops = domain->ops;
	lis->domain = (struct tcp_domain *)domain;
	lis->timer.source = &lis->source;
	lis->source = (struct tcp_source){
		.kind = TCP_SOURCE_LISTENER,
		.events = EPOLLIN,
		.fd = open_socket(addr),
	};
	if (lis->source.fd < 0) {
		err = lis->source.fd;
		goto err_free;
	}
	lis->base.addr.len = sizeof(lis->base.addr.ss);
	if (getsockname(lis->source.fd, (struct sockaddr *)&lis->base.addr.ss,
			&lis->base.addr.len)) {
		err = -errno;
		goto err_close;
	}
	err = tcp_poller_add(&lis->domain->poller, &lis->source);
	if (err)
		goto err_close;
	*listener = &lis->base;
	return 0;

err_close:
	fork_close(lis->source.fd);
err_free:
	free(lis);
	return err;
}

void tcp_listener_close(struct tp_listener *listener)
{
	struct tcp_listener *lis = (struct tcp_listener *)listener;

	tcp_timer_stop(&lis->domain->timers, &lis->timer);
	tcp_poller_remove(&lis->domain->poller, &lis->source);
	fork_close(lis->source.fd);
	free(lis);
}

static void pause_listening(struct tcp_listener *lis, int err)
{
	char text[ADDR_TEXT_MAX];

	if (!lis->pause_logged)
		log_error("%s: cannot accept connections for now: %s",
			  addr_text(&lis->base.addr, text, sizeof(text)), strerror(err));
	lis->pause_logged = true;
	tcp_poller_change(&lis->domain->poller, &lis->source, 0);
	tcp_timer_set(&lis->domain->timers, &lis->timer, PAUSE_MS);
}

void tcp_listener_timeout(struct tcp_listener *lis)
{
	tcp_poller_change(&lis->domain->poller, &lis->source, EPOLLIN);
}

/* accept4() also reports errors of the new connection: accept(2). Others are of this process. */
static bool is_of_peer(int err)
{
	switch (err) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

static int accept_one(int fd, struct tp_addr *peer)
{
	if (fault_errno(TCP_ACCEPT_FAIL, EMFILE))
		return -1;
	return accept4(fd, (struct sockaddr *)&peer->ss, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void tcp_listener_run(struct tcp_listener *lis, struct tcp_sink *sink)
{
	for (int i = 0; i < ACCEPTS_A_POLL && !tcp_sink_full(sink); i++) {
		struct tcp_request *request = calloc(1, sizeof(*request));

		if (!request) {
			pause_listening(lis, ENOMEM);
			return;
		}
		request->base.ops = lis->base.ops;
		request->secure = lis->domain->secure;
		request->base.peer.len = sizeof(request->base.peer.ss);
		request->fd = accept_one(lis->source.fd, &request->base.peer);
		if (request->fd < 0) {
			int err = errno;

			free(request);
			if (is_of_peer(err))
				continue;
			if (err != EAGAIN)
				pause_listening(lis, err);
			return;
		}
		fork_own(request->fd);
		lis->pause_logged = false;
		tcp_sink_add(sink, TP_EV_REQUEST, NULL)->request = &request->base;
	}
}
