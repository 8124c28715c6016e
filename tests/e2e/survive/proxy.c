/* The proxy: one thread, one poll; what comes in at one socket of a pair goes out at the other. */
#include "tests/e2e/survive/proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"

enum { PAIRS = 16 };

struct proxy {
	struct sockaddr_in server;
	int listener;
	int fds[2 * PAIRS]; /* 2 * i and 2 * i + 1 are a pair; -1: none */
	char mount[128];
	_Atomic bool stop, swallow, cut, lossy, down;
	pthread_t thread;
};

/* Without a farewell: who is there sees a reset. */
static void reset_end(struct proxy *proxy, int i)
{
	static const struct linger hard = {.l_onoff = 1, .l_linger = 0};

	if (proxy->fds[i] < 0)
		return;
	setsockopt(proxy->fds[i], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(proxy->fds[i]);
	proxy->fds[i] = -1;
}

static void reset_pair(struct proxy *proxy, int i)
{
	reset_end(proxy, i);
	reset_end(proxy, i ^ 1);
}

static void take_client(struct proxy *proxy)
{
	int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC), i = 0;
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	while (i < 2 * PAIRS && (proxy->fds[i] >= 0 || proxy->fds[i + 1] >= 0))
		i += 2;
	must(client >= 0 && server >= 0 && i < 2 * PAIRS, "too many connections");
	proxy->fds[i] = client;
	proxy->fds[i + 1] = server;
	if (atomic_load(&proxy->down) ||
	    connect(server, (struct sockaddr *)&proxy->server, sizeof(proxy->server)))
		reset_pair(proxy, i);
}

static void pass_on(struct proxy *proxy, int i)
{
	char buf[65536];
	ssize_t n = recv(proxy->fds[i], buf, sizeof(buf), 0);

	/* What a server says to nobody goes nowhere. */
	if (n > 0 && (proxy->fds[i ^ 1] < 0 || (i % 2 && atomic_load(&proxy->lossy))))
		return;
	for (ssize_t sent = 0, step; n > 0 && sent < n; sent += step) {
		step = send(proxy->fds[i ^ 1], buf + sent, (size_t)(n - sent), MSG_NOSIGNAL);
		if (step <= 0)
			n = -1;
	}
	if (n <= 0)
		reset_pair(proxy, i);
}

static void turn(struct proxy *proxy)
{
	struct pollfd fds[2 * PAIRS + 1];
	int n = atomic_load(&proxy->swallow) ? 0 : 2 * PAIRS;

	for (int i = 0; i < n; i++)
		fds[i] = (struct pollfd){.fd = proxy->fds[i], .events = POLLIN};
	fds[n] = (struct pollfd){.fd = n ? proxy->listener : -1, .events = POLLIN};
	if (poll(fds, (nfds_t)n + 1, 2) <= 0) /* to see the flags */
		return;
	for (int i = 0; i < n; i++)
		if (fds[i].revents && proxy->fds[i] == fds[i].fd)
			pass_on(proxy, i);
	if (fds[n].revents)
		take_client(proxy);
}

static void *relay(void *arg)
{
	struct proxy *proxy = arg;

	while (!atomic_load(&proxy->stop)) {
		turn(proxy);
		if (!atomic_load(&proxy->cut))
			continue;
		for (int i = 0; i < 2 * PAIRS; i++)
			if (i % 2 == 0 || atomic_load(&proxy->down)) /* or only the client's ends */
				reset_end(proxy, i);
		atomic_store(&proxy->cut, false);
	}
	return NULL;
}

struct proxy *proxy_start(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(here);
	struct proxy *proxy;
	char scheme[4];
	unsigned port;

	e2e_needs_server_process();
	if (sscanf(e2e_server.addr, "%3[a-z]://127.0.0.1:%u", scheme, &port) != 2)
		cr_skip_test("the server is not reached by TCP");
	proxy = calloc(1, sizeof(*proxy));
	must(proxy, "memory");
	memset(proxy->fds, -1, sizeof(proxy->fds));
	proxy->server = here;
	proxy->server.sin_port = htons((uint16_t)port);
	proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!bind(proxy->listener, (struct sockaddr *)&here, sizeof(here)) &&
		     !listen(proxy->listener, PAIRS) &&
		     !getsockname(proxy->listener, (struct sockaddr *)&here, &len),
	     "listen");
	snprintf(proxy->mount, sizeof(proxy->mount), "%s://127.0.0.1:%u/data", scheme,
		 ntohs(here.sin_port));
	must(!pthread_create(&proxy->thread, NULL, relay, proxy), "thread");
	return proxy;
}

void proxy_stop(struct proxy *proxy)
{
	atomic_store(&proxy->stop, true);
	pthread_join(proxy->thread, NULL);
	for (int i = 0; i < 2 * PAIRS; i++)
		reset_end(proxy, i);
	close(proxy->listener);
	free(proxy);
}

const char *proxy_mount(const struct proxy *proxy)
{
	return proxy->mount;
}

void proxy_cut(struct proxy *proxy)
{
	atomic_store(&proxy->cut, true);
	while (atomic_load(&proxy->cut))
		nap_ms(1);
}

void proxy_swallow(struct proxy *proxy)
{
	atomic_store(&proxy->swallow, true);
}

void proxy_pass(struct proxy *proxy)
{
	atomic_store(&proxy->swallow, false);
}

void proxy_lose_answers(struct proxy *proxy)
{
	atomic_store(&proxy->lossy, true);
}

void proxy_down(struct proxy *proxy)
{
	atomic_store(&proxy->down, true);
	proxy_cut(proxy);
	atomic_store(&proxy->lossy, false);
}

void proxy_up(struct proxy *proxy)
{
	atomic_store(&proxy->down, false);
}
