/* The lines of a state dump about the regions of a session. Any thread. */
#ifndef USRBIO_CLIENT_MEMORY_REGION_DUMP_H
#define USRBIO_CLIENT_MEMORY_REGION_DUMP_H

#include "client/base/dump.h"

struct conn;
struct session;

/* Add the lines about all regions. No connection's lock is held. */
void region_dump_to(const struct session *session, struct dump *dump);
/* Add the lines about the regions that are announced on one connection, whose lock is held. */
void region_dump_announced(const struct session *session, const struct conn *conn,
			   struct dump *dump);

#endif
