/* Where the server listens, and how it deals out those who come. The first worker has all of it. */
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
	bool optional; /* another address of the same name may do */
	struct tp_listener *tp;
	char url[ADDR_TEXT_MAX + 16];
};

struct listeners {
	struct listener list[LISTENERS_MAX];
	unsigned nr;
};

struct server_provider;
struct worker;

/* Find providers and addresses. 0 or -errno, logged. May block (DNS). */
int listeners_resolve(struct listeners *listeners, const struct listen_config *configs,
		      unsigned nr);
/*
 * Without a keyring: nobody but this machine reaches them, unless that is meant (-EPERM), and none
 * is over TLS, which nobody could speak (-EINVAL). 0, or what it is, logged.
 */
int listeners_check_open(const struct listeners *listeners, bool insecure);
/* Fill in the providers that they use, at most PROVIDERS_MAX. How many. */
unsigned listeners_providers(const struct listeners *listeners, struct server_provider *providers);
/* Listen, in the domains of this worker. 0 or -errno, logged, and none is left. */
int listeners_open(struct listeners *listeners, struct worker *worker);
void listeners_close(struct listeners *listeners);

/* Somebody came: give him to the worker with the fewest connections, or refuse. */
void listener_request(struct worker *worker, struct tp_request *request);

#endif
