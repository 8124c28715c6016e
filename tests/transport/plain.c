/* Plain sockets. Owned by the test that asks for them. */
#include "tests/transport/plain.h"

#include <sys/socket.h>

#include "tests/transport/harness.h"

int test_socket_to(const struct tp_addr *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must(fd >= 0 && !connect(fd, (const struct sockaddr *)&addr->ss, addr->len));
	return fd;
}

int test_listen_plainly(struct tp_addr *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	test_addr(addr);
	must(!bind(fd, (struct sockaddr *)&addr->ss, addr->len) && !listen(fd, 1));
	addr->len = sizeof(addr->ss);
	must(!getsockname(fd, (struct sockaddr *)&addr->ss, &addr->len));
	return fd;
}
