/* Everything happens in relay_step, and there is no thread: what comes when is up to the caller. */
#include "tests/transport/tls/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/transport/plain.h"

#define STUCK_MS 20000

/* What is passed on in pieces arrives in pieces. */
static int at_once(int fd)
{
	int on = 1;

	must(!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	return fd;
}

void relay_open(struct relay *relay, struct pair *pair, size_t kept_max)
{
	struct tp_addr addr;
	int fd = test_listen_plainly(&addr);

	*relay = (struct relay){.pair = pair, .kept_max = kept_max};
	for (int i = 0; kept_max && i < 2; i++)
		must((relay->kept[i] = malloc(kept_max)));
	must(!pair->ops->connect(pair->client.domain, pair->device, &addr, CONNECT_MS,
				 &pair->client, &pair->client.conn));
	relay->fds[CLIENT] = accept(fd, NULL, NULL);
	must(at_once(relay->fds[CLIENT]) >= 0);
	close(fd);
	relay->fds[SERVER] = at_once(test_socket_to(&pair->listener->addr));
	relay_until(relay, pair->server.request);
}

bool relay_accept(struct relay *relay)
{
	struct end *server = &relay->pair->server;
	struct tp_request *request = server->request;
	int err;

	server->request = NULL;
	err = relay->pair->ops->accept(server->domain, request, server, &server->conn);
	must(!err || err == -EKEYREJECTED);
	return !err;
}

/* Bytes that `side` has just said. */
static void look(struct relay *relay, enum side side, char *buf, size_t len)
{
	size_t before = relay->passed[side];

	if (relay->mask && relay->flip_side == side && relay->flip_at >= before &&
	    relay->flip_at < before + len)
		buf[relay->flip_at - before] ^= (char)relay->mask;
	if (relay->kept_max) {
		must(before + len <= relay->kept_max);
		memcpy(relay->kept[side] + before, buf, len);
	}
	relay->passed[side] += len;
}

static size_t pass(struct relay *relay, enum side side)
{
	int from = relay->fds[side], to = relay->fds[!side];
	char buf[4096];
	ssize_t got = recv(from, buf, relay->piece ? relay->piece : sizeof(buf), MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got <= 0) {
		relay->over[side] = true;
		shutdown(to, SHUT_WR);
		return 0;
	}
	look(relay, side, buf, (size_t)got);
	/* It may have gone. */
	for (ssize_t sent = 0, n; sent < got; sent += n) {
		n = send(to, buf + sent, (size_t)(got - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			break;
		if (n < 0) {
			n = 0;
			end_poll(&relay->pair->client);
			end_poll(&relay->pair->server);
		}
	}
	return (size_t)got;
}

static void wait_for_more(struct relay *relay)
{
	struct tp_domain *ends[] = {relay->pair->client.domain, relay->pair->server.domain};
	struct pollfd fds[4];
	int more = 0;

	for (int i = 0; i < 2; i++) {
		more += ends[i]->ops->arm(ends[i]);
		fds[i] = (struct pollfd){.fd = ends[i]->fd, .events = POLLIN};
		fds[2 + i] = (struct pollfd){.fd = relay->fds[i], .events = POLLIN};
		if (relay->over[i])
			fds[2 + i].fd = -1;
	}
	if (more || poll(fds, 4, relay->patience_ms ? relay->patience_ms : STUCK_MS))
		return;
	must(relay->patience_ms);
	/* Both wait for bytes that nobody has. */
	relay_cut(relay, CLIENT);
	relay_cut(relay, SERVER);
}

void relay_step(struct relay *relay)
{
	struct pair *pair = relay->pair;
	size_t moved = pass(relay, CLIENT) + pass(relay, SERVER);

	moved += (size_t)(end_poll(&pair->client) + end_poll(&pair->server));
	if (!moved)
		wait_for_more(relay);
}

void relay_cut(struct relay *relay, enum side side)
{
	shutdown(relay->fds[!side], SHUT_WR);
}

void relay_close(struct relay *relay)
{
	for (int i = 0; i < 2; i++) {
		close(relay->fds[i]);
		free(relay->kept[i]);
	}
}
