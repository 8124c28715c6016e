/*
 * The epoll instance of a domain. The domain owns it, and only the domain's thread uses it. It
 * knows nothing of the objects that contain its sources.
 */
#include "common/tcp/base/poller.h"

#include <errno.h>
#include <stddef.h>

#include "common/base/fork.h"

int tcp_poller_open(struct tcp_poller *poller)
{
	poller->fd = fork_own(epoll_create1(EPOLL_CLOEXEC));
	return poller->fd < 0 ? -errno : 0;
}

void tcp_poller_close(struct tcp_poller *poller)
{
	fork_close(poller->fd);
}

int tcp_poller_add(struct tcp_poller *poller, struct tcp_source *source)
{
	struct epoll_event event = {.events = source->events, .data.ptr = source};

	return epoll_ctl(poller->fd, EPOLL_CTL_ADD, source->fd, &event) ? -errno : 0;
}

void tcp_poller_change(struct tcp_poller *poller, struct tcp_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (source->events == events)
		return;
	source->events = events;
	epoll_ctl(poller->fd, EPOLL_CTL_MOD, source->fd, &event);
}

/*
 * Remove a source. Closing its descriptor would not be enough: a child made by fork or vfork may
 * have a copy, and the epoll instance forgets a file only when its last copy is closed.
 */
void tcp_poller_remove(struct tcp_poller *poller, struct tcp_source *source)
{
	epoll_ctl(poller->fd, EPOLL_CTL_DEL, source->fd, NULL);
}
