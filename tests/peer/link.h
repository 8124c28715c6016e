/*
 * One client's end of a connection over any provider, without anything of client/: it can carry
 * what no client would say. One thread; waits by polling, without a clock: a hang is ended by the
 * limit of ctest or of the program.
 */
#ifndef USRBIO_TESTS_PEER_LINK_H
#define USRBIO_TESTS_PEER_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/transport/transport.h"
#include "proto/arena.h"
#include "proto/message.h"

struct link {
	const struct tp_ops *ops;
	struct tp_device *device;
	struct tp_domain *domain;
	struct tp_conn *conn; /* the link is its user */
	struct tp_mem *mem;   /* what the owner has registered, or NULL */
	struct arena arena;   /* of the message decoded last */
	bool connected, closed;
	int closed_status;
	int max_events; /* of one step */
	/* Sees each event after the link has. */
	void (*take)(struct link *link, const struct tp_event *event);
};

/* To "SCHEME://HOST:PORT", until it is connected or closed. NULL: an ordinary domain. */
void link_open(struct link *link, const char *url, const struct tp_domain_config *config,
	       void (*take)(struct link *link, const struct tp_event *event));
struct tp_domain_config link_config(void);
/* Frees everything, without a goodbye if the connection is still up. */
void link_close(struct link *link);
/* Poll once. */
void link_step(struct link *link);
/* Both wait for room; nothing is sent once the connection is closed. */
void link_send_frame(struct link *link, const void *frame, size_t len);
void link_send(struct link *link, const struct message *msg);

#endif
