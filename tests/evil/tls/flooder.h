/*
 * A client with a key that floods a server over tls before it says who it is, played by OpenSSL
 * alone on a thread of its own. When the server has had enough, it comes again.
 */
#ifndef USRBIO_TESTS_EVIL_FLOODER_H
#define USRBIO_TESTS_EVIL_FLOODER_H

#include <stdint.h>

#include "common/transport/transport.h"

/* A kind of flood: send on one connection, until its peer has left or flooder_stopped(). */
struct flooder;
struct flood {
	const char *name;
	void (*body)(struct flooder *flooder);
};

/* A TLS handshake in records of one byte, which goes on for ever. */
void flood_crumbs(struct flooder *flooder);
/* Nothing but KeyUpdates behind the handshake. */
void flood_keys(struct flooder *flooder);
/* A Hello of the largest size, in records of one byte. */
void flood_hello(struct flooder *flooder);

struct flooder *flooder_start(const char *url, const struct tp_tls_config *key,
			      const struct flood *flood);
/* Until it has sent so many bytes from here on. */
void flooder_await(struct flooder *flooder, uint64_t bytes);
/* Returns the most bytes that one connection took before the server ended it. */
uint64_t flooder_stop(struct flooder *flooder);

#endif
