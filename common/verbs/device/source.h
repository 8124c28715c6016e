/* A descriptor in a domain's epoll set. The owner of the descriptor embeds it. */
#ifndef USRBIO_COMMON_VERBS_DEVICE_SOURCE_H
#define USRBIO_COMMON_VERBS_DEVICE_SOURCE_H

#include <stdbool.h>

enum verbs_source_kind {
	SOURCE_CM,    /* the connection manager's channel */
	SOURCE_TIMER, /* the deadlines of the connections */
	SOURCE_NIC,   /* the completion channel of a card */
};

struct verbs_source {
	enum verbs_source_kind kind;
	int epoll_fd; /* the epoll set that it is in */
};

/* Add fd, which epoll then reports as `source`. Returns 0 or -errno. */
int source_add(struct verbs_source *source, enum verbs_source_kind kind, int epoll_fd, int fd);
/* Remove fd before it is closed. A forked child may have a copy, which would stay in the set. */
void source_remove(struct verbs_source *source, int fd);
/* Make a library's descriptor close at exec, and non-blocking if asked for. 0 or -errno. */
int source_cloexec(int fd, bool nonblock);

#endif
