/* The lines of a state dump about calls and other requests. Any thread. */
#ifndef USRBIO_CLIENT_CALLS_REQUEST_DUMP_H
#define USRBIO_CLIENT_CALLS_REQUEST_DUMP_H

#include <stdint.h>

#include "client/base/dump.h"

struct conn;

/* The connection's lock is held. */
void request_dump_to(struct conn *conn, struct dump *dump, uint64_t now);

#endif
