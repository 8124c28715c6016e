/*
 * Messages to systemd over one datagram socket. The process owns the socket. The main thread opens
 * it before there are others, and any thread sends.
 */
#include "server/manager/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/log.h"

static int fd = -1;

void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	const struct timeval most = {.tv_sec = 1};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;

	if (!len)
		return;
	if (len >= sizeof(to.sun_path)) {
		log_warn("NOTIFY_SOCKET is too long: %s", path);
		return;
	}
	memcpy(to.sun_path, path, len);
	if (*path == '@') /* the name of an abstract socket begins with a zero byte */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) &&
	    !connect(fd, (struct sockaddr *)&to,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)))
		return;
	log_warn("NOTIFY_SOCKET %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	fd = -1;
}

void notify_send(const char *fmt, ...)
{
	char text[512];
	va_list args;
	int len;

	if (fd < 0)
		return;
	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len >= (int)sizeof(text))
		len = sizeof(text) - 1;
	if (send(fd, text, (size_t)len, MSG_NOSIGNAL) < 0)
		log_warn("NOTIFY_SOCKET: %s", strerror(errno));
}

int notify_descriptor(const char *text, int passed)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.room = {0}};
	struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *header;

	if (fd < 0)
		return -ENOTCONN;
	if (passed >= 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		header = CMSG_FIRSTHDR(&msg);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &passed, sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
