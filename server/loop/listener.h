/*
 * Where the server listens, and how it distributes new connections. The first worker has all of it.
 */
#ifndef USRBIO_SERVER_LOOP_LISTENER_H
#define USRBIO_SERVER_LOOP_LISTENER_H

#include "common/transport/addr.h"
#include "common/transport/transport.h"

#define LISTENERS_MAX 64

/* What the administrator says about a listener. */
struct listen_config {
	char scheme[8]; /* of a transport provider */
	char host[256]; /* a name listens on every address it stands for */
	uint16_t port;	/* 0: any */
};

struct listener {
	const struct tp_ops *ops;
	struct tp_addr addr;
	bool optional; /* another address of the same name is enough */
	struct tp_listener *tp;
	char url[ADDR_TEXT_MAX + 16];
};

struct listeners {
	struct listener list[LISTENERS_MAX];
	unsigned nr;
};

struct server_provider;
struct worker;

/* Find providers and addresses. 0 or -errno, logged. It may block for DNS. */
int listeners_resolve(struct listeners *listeners, const struct listen_config *configs,
		      unsigned nr);
/*
 * Check listeners of a server without a keyring. -EPERM: other machines reach them and `insecure`
 * is false; -EINVAL: one is over TLS, which needs keys. 0 or the error, logged.
 */
int listeners_check_open(const struct listeners *listeners, bool insecure);
/* Fill in the providers that they use, at most PROVIDERS_MAX. How many. */
unsigned listeners_providers(const struct listeners *listeners, struct server_provider *providers);
/* Listen in the domains of this worker. 0, or -errno, logged, and no listener is left. */
int listeners_open(struct listeners *listeners, struct worker *worker);
void listeners_close(struct listeners *listeners);

/* Hand a connection request to the worker with the fewest connections, or refuse it. */
void listener_request(struct worker *worker, struct tp_request *request);

#endif
