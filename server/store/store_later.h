/*
 * The end of an I/O whose result is known at once. It is deferred, because `done` is never called
 * within io_submit.
 */
#ifndef USRBIO_SERVER_STORE_STORE_LATER_H
#define USRBIO_SERVER_STORE_STORE_LATER_H

#include "server/store/store.h"

/* Let the loop call io->done(io, result) soon. This uses io->priv. */
void store_later(struct evloop *loop, struct store_io *io, int64_t result);

/*
 * Check an I/O, as every store does first. Returns 0, or -EBADF for a directory or the wrong access
 * mode, or -EFBIG for an offset that no file has.
 */
int store_io_check(const struct store_io *io);

#endif
