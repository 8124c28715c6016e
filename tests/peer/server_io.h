/* The I/Os of the played server, and the drops of regions behind them. For server.c, its thread. */
#ifndef USRBIO_TESTS_PEER_SERVER_IO_H
#define USRBIO_TESTS_PEER_SERVER_IO_H

#include "tests/peer/server.h"

/* Put a copy of the I/O behind those that are queued; op 0: the drop of a region. */
void play_queue_io(struct playserver *server, const struct play_io *io);
/* Take each queued I/O one step on, unless the server holds them. */
void play_serve_queue(struct playserver *server);
/* End those of a connection that are queued and have these tags. */
void play_abort_ios(struct playserver *server, struct play_conn *conn, const uint32_t *tags,
		    size_t n);
/* The data of a write has come, or the connection was lost. */
void play_take_done(struct playserver *server, const struct tp_event *event);

#endif
