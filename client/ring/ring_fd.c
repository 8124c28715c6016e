/*
 * The descriptor of a ring that programs poll: an eventfd that is readable while completions wait.
 * The ring owns it, and closes it at its end. The threads that complete I/Os write to it under the
 * connection's lock; those that collect results read it under ring->reaping.
 *
 * `signalled` saves writes: it is true from before the write until after the read. No completion is
 * missed: one that comes before `signalled` is false again is seen by the look that follows, and
 * one that comes later writes itself. A read that comes between `signalled` and its write leaves
 * the descriptor readable; then the next thread that collects nothing reads it.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/conn/conn.h"
#include "client/ring/ring.h"
#include "common/base/fork.h"

void ring_fd_signal(struct ring *ring)
{
	const uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange(&ring->signalled, true))
		return;
	/* The write cannot fail: only 2^64 - 1 of them would fill the counter. */
	if (write(ring->fd, &one, sizeof(one)) < 0)
		return;
}

void ring_fd_collected(struct ring *ring)
{
	uint64_t count;

	lock_assert_held(&ring->reaping);
	if (ring_nr_ready(ring))
		return;
	if (read(ring->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	atomic_store(&ring->signalled, false);
	atomic_thread_fence(memory_order_seq_cst);
	if (ring_nr_ready(ring))
		ring_fd_signal(ring);
}

/* Make the descriptor. The connection's lock is held. Returns it or -errno. */
static int make(struct ring *ring)
{
	int fd = fork_own(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));

	if (fd < 0)
		return -errno;
	atomic_store(&ring->fd, fd);
	if (ring_nr_ready(ring))
		ring_fd_signal(ring);
	return fd;
}

int ring_fd(struct ring *ring)
{
	int fd;

	conn_lock(ring->conn);
	fd = atomic_load(&ring->fd);
	if (fd < 0)
		fd = make(ring);
	conn_unlock(ring->conn);
	return fd;
}

void ring_fd_close(struct ring *ring)
{
	if (ring->fd >= 0)
		fork_close(ring->fd);
}
