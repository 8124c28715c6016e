/*
 * The deferred end of an I/O. The I/O contains the event for it, so its submitter owns it. Only the
 * worker's thread uses it.
 */
#include "server/store/store_later.h"

#include <errno.h>

#include "server/store/evloop.h"

_Static_assert(sizeof(struct ev) <= sizeof(((struct store_io *)0)->priv.event), "ev fits");

static void finish(struct ev *ev, int32_t err)
{
	struct store_io *io = (void *)((char *)ev - offsetof(struct store_io, priv.event));

	io->done(io, err ? err : (int64_t)io->priv.moved);
}

void store_later(struct evloop *loop, struct store_io *io, int64_t result)
{
	struct ev *ev = (struct ev *)io->priv.event;

	ev->fn = finish;
	io->priv.moved = result < 0 ? 0 : (uint32_t)result;
	evloop_defer(loop, ev, result < 0 ? (int32_t)result : 0);
}

int store_io_check(const struct store_io *io)
{
	uint32_t need = io->kind == STORE_READ ? OPEN_READ : OPEN_WRITE;

	if (!io->file->regular || !(io->file->flags & need))
		return -EBADF;
	if (io->kind == STORE_WRITE && (io->off > INT64_MAX || io->len > INT64_MAX - io->off))
		return -EFBIG;
	return 0;
}
