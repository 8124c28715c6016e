/*
 * A source: one descriptor in the epoll set of a domain. Its owner (a nic, the timer, the domain
 * for its channel) embeds it. Only the domain's thread uses it, but any thread may call
 * source_cloexec().
 */
#include "common/verbs/device/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>

int source_add(struct verbs_source *source, enum verbs_source_kind kind, int epoll_fd, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	source->kind = kind;
	source->epoll_fd = epoll_fd;
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

void source_remove(struct verbs_source *source, int fd)
{
	epoll_ctl(source->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

int source_cloexec(int fd, bool nonblock)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	if (nonblock && fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	return 0;
}
