/*
 * The event loop. Completions, posts from other threads and deferred calls all become entries of
 * one ready list, which a turn runs from the front. The worker owns the loop, and only its thread
 * runs it. In evloop_post() other threads use `posted`, `sleeping` and wake_fd.
 */
#include "server/store/evloop.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/fork.h"
#include "common/base/log.h"
#include "server/store/evloop_ring.h"

#define TURN_MAX   256 /* callbacks in a turn, so that the network gets its share of the thread */
#define MEMORY_MAX 64  /* registered ranges of a loop; an export needs at most one */

struct evloop {
	struct io_uring ring;
	bool enabled;	 /* the ring belongs to the running thread from its first turn on */
	bool complained; /* an unexpected error of io_uring_enter is logged once */

	struct ev *ready, **ready_tail;
	unsigned nr_ready;

	struct iovec memory[MEMORY_MAX];
	unsigned nr_memory;
	bool sparse; /* more ranges can be added one by one (kernel 5.19) */
	unsigned nr_held;

	int wake_fd;
	bool wake_armed; /* a read of wake_fd is queued or under way */
	uint64_t wake_count;
	struct ev wake; /* marks the read of wake_fd; its function is never called */

	/* Any thread pushes here, and the loop takes the whole list, which is in reverse order. */
	_Alignas(64) _Atomic(struct ev *) posted;
	/* The loop sets it before it sleeps. The thread that resets it has to write to wake_fd. */
	atomic_bool sleeping;
};

int evloop_open(struct evloop **out, unsigned entries)
{
	struct evloop *loop = aligned_alloc(64, sizeof(*loop));
	int err;

	if (!loop)
		return -ENOMEM;
	memset(loop, 0, sizeof(*loop));
	loop->ready_tail = &loop->ready;
	loop->wake_fd = fork_own(eventfd(0, EFD_CLOEXEC));
	if (loop->wake_fd < 0) {
		err = -errno;
		log_error("event loop: eventfd: %s", strerror(-err));
		goto err_free;
	}
	err = evloop_ring_open(&loop->ring, entries);
	if (err)
		goto err_close;
	fork_own(loop->ring.ring_fd);
	*out = loop;
	return 0;

err_close:
	fork_close(loop->wake_fd);
err_free:
	free(loop);
	return err;
}

/* No thread may be inside evloop_post() any more, because it could write to a closed wake_fd. */
void evloop_close(struct evloop *loop)
{
	fork_disown(loop->ring.ring_fd);
	io_uring_queue_exit(&loop->ring);
	fork_close(loop->wake_fd);
	free(loop);
}

static void make_ready(struct evloop *loop, struct ev *ev, int32_t res)
{
	ev->res = res;
	ev->next = NULL;
	*loop->ready_tail = ev;
	loop->ready_tail = &ev->next;
	loop->nr_ready++;
}

static void reap(struct evloop *loop)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;

	io_uring_for_each_cqe(&loop->ring, head, cqe)
	{
		struct ev *ev = io_uring_cqe_get_data(cqe);

		n++;
		if (ev == &loop->wake)
			loop->wake_armed = false;
		else if (ev)
			make_ready(loop, ev, cqe->res);
	}
	io_uring_cq_advance(&loop->ring, n);
}

static void take_posted(struct evloop *loop)
{
	struct ev *ev, *next, *reversed = NULL;

	if (!atomic_load_explicit(&loop->posted, memory_order_relaxed))
		return;
	for (ev = atomic_exchange(&loop->posted, NULL); ev; ev = next) {
		next = ev->next;
		ev->next = reversed;
		reversed = ev;
	}
	for (ev = reversed; ev; ev = next) {
		next = ev->next;
		make_ready(loop, ev, ev->res);
	}
}

/* Enable the ring. From now on the kernel accepts submissions only from this thread. */
static void enable(struct evloop *loop)
{
	/* liburing 2.3 does not export its io_uring_enable_rings(). */
	if (syscall(SYS_io_uring_register, loop->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL,
		    0) < 0)
		log_error("event loop: cannot enable the io_uring: %s", strerror(errno));
	/*
	 * This saves a look-up of the descriptor in every io_uring_enter(). Old kernels refuse it.
	 */
	io_uring_register_ring_fd(&loop->ring);
	loop->enabled = true;
}

static unsigned sq_flags(struct evloop *loop)
{
	return IO_URING_READ_ONCE(*loop->ring.sq.kflags);
}

/*
 * Handle the result of io_uring_enter(). Entries that were not submitted stay queued for the next
 * turn.
 */
static void entered(struct evloop *loop, int n)
{
	if (n >= 0 || n == -EINTR || n == -ETIME || n == -EAGAIN || n == -EBUSY || n == -ENOMEM)
		return;
	if (!loop->complained)
		log_error("event loop: io_uring_enter: %s", strerror(-n));
	loop->complained = true;
}

/* Enter the kernel if there is something to submit or to fetch. */
static void enter(struct evloop *loop)
{
	if (!loop->enabled)
		enable(loop);
	if (io_uring_sq_ready(&loop->ring))
		entered(loop, io_uring_submit_and_get_events(&loop->ring));
	else if (sq_flags(loop) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW))
		entered(loop, io_uring_get_events(&loop->ring));
}

static void enter_and_wait(struct evloop *loop, int timeout_ms)
{
	struct __kernel_timespec ts = {timeout_ms / 1000, timeout_ms % 1000 * 1000000ll};
	struct io_uring_cqe *cqe;

	if (!loop->enabled)
		enable(loop);
	entered(loop, io_uring_submit_and_wait_timeout(&loop->ring, &cqe, 1,
						       timeout_ms < 0 ? NULL : &ts, NULL));
}

struct io_uring_sqe *evloop_sqe(struct evloop *loop)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);

	while (!sqe) {
		enter(loop);
		/* The kernel may take no more because the completion queue is full. */
		reap(loop);
		sqe = io_uring_get_sqe(&loop->ring);
	}
	io_uring_sqe_set_data(sqe, NULL);
	return sqe;
}

void evloop_bind(struct io_uring_sqe *sqe, struct ev *ev)
{
	io_uring_sqe_set_data(sqe, ev);
}

static int memory_add(struct evloop *loop, const struct iovec *iov)
{
	int n;

	if (loop->nr_memory == MEMORY_MAX)
		return -ENOSPC;
	if (!loop->nr_memory && !loop->sparse)
		loop->sparse = !io_uring_register_buffers_sparse(&loop->ring, MEMORY_MAX);
	if (loop->sparse) {
		n = io_uring_register_buffers_update_tag(&loop->ring, loop->nr_memory, iov, NULL,
							 1);
		return n < 0 ? n : 0;
	}
	return loop->nr_memory ? -EOPNOTSUPP : io_uring_register_buffers(&loop->ring, iov, 1);
}

int evloop_register(struct evloop *loop, void *base, size_t len)
{
	struct iovec iov = {base, len};
	int err;

	for (unsigned i = 0; i < loop->nr_memory; i++)
		if (loop->memory[i].iov_base == base && loop->memory[i].iov_len == len)
			return (int)i;
	err = memory_add(loop, &iov);
	if (err) {
		log_warn(
			"event loop: cannot register %zu bytes with io_uring (%s%s): I/O is slower, "
			"because it maps the pages each time",
			len, strerror(-err),
			err == -ENOMEM ? "; raise RLIMIT_MEMLOCK, ulimit -l" : "");
		return err;
	}
	loop->memory[loop->nr_memory] = iov;
	return (int)loop->nr_memory++;
}

/*
 * A ring lives in the kernel until its I/O is over, and so do the files that are registered with
 * it.
 */
int evloop_hold(struct evloop *loop, int fd)
{
	int n = -ENOSPC;

	if (loop->nr_held < HELD_MAX)
		n = io_uring_register_files_update(&loop->ring, loop->nr_held, &fd, 1);
	if (n >= 0) {
		loop->nr_held++;
		return 0;
	}
	log_warn("event loop: cannot register a directory with io_uring (%s); writes go through "
		 "the page cache",
		 strerror(-n));
	return n;
}

void evloop_defer(struct evloop *loop, struct ev *ev, int32_t res)
{
	make_ready(loop, ev, res);
}

void evloop_post(struct evloop *loop, struct ev *ev, int32_t res)
{
	struct ev *head = atomic_load_explicit(&loop->posted, memory_order_relaxed);
	const uint64_t one = 1;

	ev->res = res;
	do
		ev->next = head;
	while (!atomic_compare_exchange_weak(&loop->posted, &head, ev));
	if (atomic_load(&loop->sleeping) && atomic_exchange(&loop->sleeping, false))
		if (write(loop->wake_fd, &one, sizeof(one)) < 0)
			log_error("event loop: wake-up: %s", strerror(errno));
}

/* Let evloop_post() wake the loop from now on. False: there are events to run already. */
static bool may_sleep(struct evloop *loop)
{
	struct io_uring_sqe *sqe;

	if (!loop->wake_armed) {
		sqe = evloop_sqe(loop);
		io_uring_prep_read(sqe, loop->wake_fd, &loop->wake_count, sizeof(loop->wake_count),
				   0);
		evloop_bind(sqe, &loop->wake);
		loop->wake_armed = true;
		if (loop->nr_ready) /* evloop_sqe() has reaped completions */
			return false;
	}
	atomic_store(&loop->sleeping, true);
	if (!atomic_load(&loop->posted))
		return true;
	atomic_store(&loop->sleeping, false);
	return false;
}

static int run(struct evloop *loop)
{
	unsigned n = loop->nr_ready < TURN_MAX ? loop->nr_ready : TURN_MAX;

	for (unsigned i = 0; i < n; i++) {
		struct ev *ev = loop->ready;

		loop->ready = ev->next;
		if (!loop->ready)
			loop->ready_tail = &loop->ready;
		loop->nr_ready--;
		ev->fn(ev, ev->res);
	}
	return (int)n;
}

int evloop_turn(struct evloop *loop, bool wait, int timeout_ms)
{
	bool sleep = wait && timeout_ms && !loop->nr_ready && !io_uring_cq_ready(&loop->ring);

	if (sleep && may_sleep(loop)) {
		enter_and_wait(loop, timeout_ms);
		atomic_store_explicit(&loop->sleeping, false, memory_order_relaxed);
	} else {
		enter(loop);
	}
	reap(loop);
	take_posted(loop);
	return run(loop);
}
