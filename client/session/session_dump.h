/* The lines of a state dump about a session. Any thread that holds no lock. */
#ifndef USRBIO_CLIENT_SESSION_SESSION_DUMP_H
#define USRBIO_CLIENT_SESSION_SESSION_DUMP_H

#include <stdint.h>

#include "client/base/dump.h"

struct session;

/* Add the lines; now: the time of now_ns. */
void session_dump_to(struct session *session, struct dump *dump, uint64_t now);

#endif
