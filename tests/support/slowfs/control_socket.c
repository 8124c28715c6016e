/* The socket of commands, for slowfs and for whoever sends it some. No state. */
#include "tests/support/slowfs/control.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

int control_socket(const char *name, struct sockaddr_un *addr, socklen_t *len)
{
	size_t used = strlen(name);
	int fd;

	if (used >= sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(addr->sun_path, name, used);
	if (*name == '@')
		addr->sun_path[0] = '\0';
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + used);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int control_connect(const char *name)
{
	struct sockaddr_un addr;
	socklen_t len;
	int fd = control_socket(name, &addr, &len), err;

	if (fd < 0 || !connect(fd, (struct sockaddr *)&addr, len))
		return fd;
	err = -errno;
	close(fd);
	return err;
}
