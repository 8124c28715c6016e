/*
 * The addresses at which the server listens, and how it distributes new connections among its
 * workers. All listeners are in the domains of the first worker.
 */
#ifndef USRBIO_SERVER_LOOP_LISTENER_H
#define USRBIO_SERVER_LOOP_LISTENER_H

#include "common/transport/addr.h"
#include "common/transport/transport.h"

#define LISTENERS_MAX 64

/* The administrator's choice for one --listen. */
struct listen_config {
	char scheme[8]; /* of a transport provider */
	char host[256]; /* an address, or a name that stands for one or more */
	uint16_t port;	/* 0: any free one */
};

struct listener {
	const struct tp_ops *ops;
	struct tp_addr addr;
	bool optional; /* may fail, because its name has other addresses */
	struct tp_listener *tp;
	char url[ADDR_TEXT_MAX + 16];
};

struct listeners {
	struct listener list[LISTENERS_MAX];
	unsigned nr;
};

struct server_provider;
struct worker;

/* Find providers and addresses. Returns 0 or -errno, logged. DNS may block it. */
int listeners_resolve(struct listeners *listeners, const struct listen_config *configs,
		      unsigned nr);
/*
 * Check the listeners of a server without a keyring. Returns 0, or an error, logged. -EPERM: other
 * machines reach a listener and `insecure` is false. -EINVAL: one is over TLS, which needs keys.
 */
int listeners_check_open(const struct listeners *listeners, bool insecure);
/* Fill in the providers that the listeners use, at most PROVIDERS_MAX, and return their number. */
unsigned listeners_providers(const struct listeners *listeners, struct server_provider *providers);
/* Listen in the domains of this worker. Returns 0, or -errno, logged: then no listener is open. */
int listeners_open(struct listeners *listeners, struct worker *worker);
/* Close all listeners. It may be called again. */
void listeners_close(struct listeners *listeners);

/* Hand a connection request to the worker with the fewest connections, or refuse it. */
void listener_request(struct worker *worker, struct tp_request *request);

#endif
