/* The lines of a state dump about rings and their I/Os. Any thread. */
#ifndef USRBIO_CLIENT_RING_RING_DUMP_H
#define USRBIO_CLIENT_RING_RING_DUMP_H

#include <stdint.h>

#include "client/base/dump.h"

struct conn;

/* The connection's lock is held. */
void ring_dump_to(struct conn *conn, struct dump *dump, uint64_t now);

#endif
