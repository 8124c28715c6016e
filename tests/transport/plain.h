/* Sockets of programs that are not ours, to and from where a provider listens and connects. */
#ifndef USRBIO_TESTS_TRANSPORT_PLAIN_H
#define USRBIO_TESTS_TRANSPORT_PLAIN_H

#include "common/transport/transport.h"

/* Connected to an address. */
int test_socket_to(const struct tp_addr *addr);
/* Listening; the address is where. */
int test_listen_plainly(struct tp_addr *addr);

#endif
