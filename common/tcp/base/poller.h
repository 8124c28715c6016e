/*
 * A poller: the epoll instance that a domain sleeps on, level-triggered, and the sources in it. A
 * source is a member of a connection, of a listener or of the timers. Only the domain's thread uses
 * them.
 */
#ifndef USRBIO_COMMON_TCP_BASE_POLLER_H
#define USRBIO_COMMON_TCP_BASE_POLLER_H

#include <stdint.h>
#include <sys/epoll.h>

/* The object that a source is a member of. */
enum tcp_source_kind { TCP_SOURCE_CONN, TCP_SOURCE_LISTENER, TCP_SOURCE_TIMERS };

/* A descriptor that epoll watches. The data of an epoll event points to it. */
struct tcp_source {
	enum tcp_source_kind kind;
	uint32_t events; /* the EPOLL flags that are asked for */
	int fd;		 /* the owner of the source opens and closes it */
};

struct tcp_poller {
	int fd; /* the epoll instance */
};

/* Returns 0 or -errno. */
int tcp_poller_open(struct tcp_poller *poller);
void tcp_poller_close(struct tcp_poller *poller);

/* Begin to watch source->fd for source->events. Returns 0 or -errno. */
int tcp_poller_add(struct tcp_poller *poller, struct tcp_source *source);
/* Watch the source for these events from now on. If they are the same, nothing is done. */
void tcp_poller_change(struct tcp_poller *poller, struct tcp_source *source, uint32_t events);
/* Stop watching the source. The caller does this before it closes the descriptor. */
void tcp_poller_remove(struct tcp_poller *poller, struct tcp_source *source);

#endif
