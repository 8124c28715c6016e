/* An I/O of the posix store under way: what queue.c and rescue.c share. */
#ifndef USRBIO_SERVER_POSIX_QUEUE_H
#define USRBIO_SERVER_POSIX_QUEUE_H

#include "server/store/evloop.h"
#include "server/store/posix/posix.h"

struct posix_queue {
	struct store_queue base;
	struct evloop *loop;
	struct posix_rescue *rescue; /* the store's */
	int root;		     /* the store's, which holds the lock */
	bool asked_to_hold, holds;   /* the ring holds the root, too */
	char *staging;
	size_t len;
	int index; /* of the staging memory among the ring's registered buffers, or -errno */
};

/* The state of an I/O under way, kept in store_io.priv.event. */
struct posix_progress {
	struct ev ev;
	uint32_t agains;
	bool direct;	/* the current step bypasses the page cache */
	bool no_direct; /* the file system has refused such a step */
	bool writeback; /* the current step is the last one, which writes pages to disk */
};

_Static_assert(sizeof(struct posix_progress) <= sizeof(((struct store_io *)0)->priv.event),
	       "progress fits");

static inline struct posix_progress *posix_progress_of(struct store_io *io)
{
	return (struct posix_progress *)io->priv.event;
}

static inline struct store_io *posix_io_of(struct ev *ev)
{
	return (struct store_io *)((char *)ev - offsetof(struct store_io, priv.event));
}

/* True if the data must be on disk when the I/O ends. */
static inline bool posix_io_durable(const struct store_io *io)
{
	return io->kind == STORE_WRITE && io->file->store->sync;
}

/* Return the descriptor for the current step. */
static inline int posix_io_fd(struct store_io *io)
{
	const struct posix_file *file = posix_file_of(io->file);

	return posix_progress_of(io)->direct ? file->direct : file->fd;
}

#endif
