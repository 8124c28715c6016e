/* Finishing an I/O whose result is known at once: `done` is never called from within io_submit. */
#ifndef USRBIO_SERVER_STORE_STORE_LATER_H
#define USRBIO_SERVER_STORE_STORE_LATER_H

#include "server/store/store.h"

/* io->done(io, result) from the loop, soon. Uses io->priv. */
void store_later(struct evloop *loop, struct store_io *io, int64_t result);

/*
 * What every store asks of an I/O before it looks at the file: 0, or -errno (a directory, the wrong
 * access mode, an offset that no file has).
 */
int store_io_check(const struct store_io *io);

#endif
