/* Where the server listens, and how it deals out those who come. The first worker has all of it. */
#ifndef USRBIO_SERVER_LOOP_LISTENER_H
#define USRBIO_SERVER_LOOP_LISTENER_H

#include "common/transport/addr.h"
#include "common/transport/transport.h"
#include "server/program/server.h"

#define LISTENERS_MAX 64

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

struct worker;

/* Find providers and addresses. 0 or -errno, logged. May block (DNS). */
int listeners_resolve(struct listeners *listeners, const struct listen_config *configs,
		      unsigned nr);
/*
 * Without a keyring: nobody but this machine reaches them, unless that is meant (-EPERM), and none
 * is over TLS, which nobody could speak (-EINVAL). 0, or what it is, logged.
 */
int listeners_check_open(const struct listeners *listeners, bool insecure);
/* Listen, in the domains of this worker. 0 or -errno, logged, and none is left. */
int listeners_open(struct listeners *listeners, struct worker *worker);
void listeners_close(struct listeners *listeners);

/* Somebody came: give him to the worker with the fewest connections, or refuse. */
void listener_request(struct worker *worker, struct tp_request *request);

#endif
