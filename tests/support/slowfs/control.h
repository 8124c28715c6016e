/* The commands of slowfs over a UNIX socket: one line each, answered by one line. */
#ifndef USRBIO_TESTS_SUPPORT_SLOWFS_CONTROL_H
#define USRBIO_TESTS_SUPPORT_SLOWFS_CONTROL_H

#include <sys/socket.h>
#include <sys/un.h>

/*
 * Answer commands at a socket, on threads of its own. 0 or -errno. The name is a path, or begins
 * with '@' for the abstract namespace, which leaves no file behind.
 */
int control_listen(const char *name);
/* A socket, and the address that goes with such a name; -errno. */
int control_socket(const char *name, struct sockaddr_un *addr, socklen_t *len);
/* Connect to that socket: a descriptor or -errno. */
int control_connect(const char *name);

#endif
