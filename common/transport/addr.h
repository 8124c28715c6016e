/* Addresses by name: "tcp://host:port", "rdma://[::1]:port", "loop://name". */
#ifndef USRBIO_COMMON_TRANSPORT_ADDR_H
#define USRBIO_COMMON_TRANSPORT_ADDR_H

#include "common/transport/transport.h"

#define ADDR_TEXT_MAX 320

/*
 * Split "host", "host:port", "[v6]", "[v6]:port" or a bare v6 address. host has space for hostlen
 * bytes. If the text has no port, *port stays as it is. Returns 0, -EINVAL (empty host, port not in
 * 0..65535, unmatched bracket), or -ENAMETOOLONG.
 */
int addr_split(const char *text, char *host, size_t hostlen, uint16_t *port);

/*
 * Resolve a host to at most max addresses of `scheme`, in the order of the resolver. If `passive`,
 * the address is for listening, and an empty host or "*" means every address. DNS may block the
 * call. Returns the number of addresses (>= 1), or -ENOENT (no such host), -EAGAIN, -ENOMEM,
 * -EINVAL.
 */
int addr_resolve(const char *scheme, const char *host, uint16_t port, bool passive,
		 struct tp_addr *addrs, int max);

/* Describe an error of addr_resolve() in the words of getaddrinfo(). */
const char *addr_error(int err);

/* Format an address: "127.0.0.1:7040", "[::1]:7040", or a loop name. Returns buf. */
const char *addr_text(const struct tp_addr *addr, char *buf, size_t len);

/* Return the port of an internet address, 0 for other addresses. */
uint16_t addr_port(const struct tp_addr *addr);

/* True for 127.0.0.0/8, ::1 and loop names. */
bool addr_is_loopback(const struct tp_addr *addr);

#endif
