/*
 * A worker's queue of the posix store, which sends I/O through the worker's io_uring. An I/O is
 * submitted again until all bytes have moved, the file ends, or it fails. The worker owns the
 * queue, and only its thread uses it.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <unistd.h>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(addr, len) ((void)(addr), (void)(len))
#endif

#include "common/fault_points/faults.h"
#include "server/store/posix/io/queue.h"
#include "server/store/store_later.h"

#define AGAIN_MAX    10000 /* repetitions after EAGAIN: the kernel may lack memory for a moment */
#define DIRECT_ALIGN 4096  /* bytes; every disk accepts this alignment */
#define HOLE_LOOKS   16
#define COPY_MAX     65536 /* bytes; a larger copy goes to a thread of io_uring */

int posix_queue_open(struct store *base, struct evloop *loop, void *staging, size_t len,
		     struct store_queue **out)
{
	struct posix_store *store = posix_store_of(base);
	struct posix_queue *queue;
	int err = store->rescue ? 0 : posix_rescue_open(&store->tasks, &store->rescue);

	if (err)
		return err;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	queue->base.ops = base->ops;
	queue->loop = loop;
	queue->staging = staging;
	queue->len = len;
	queue->rescue = store->rescue;
	queue->root = store->root;
	queue->index = evloop_register(loop, staging, len);
	*out = &queue->base;
	return 0;
}

/* The loop of the queue is closed next, so wait for what would post to it. */
void posix_queue_close(struct store_queue *base)
{
	posix_rescue_drain(((struct posix_queue *)base)->rescue);
	free(base);
}

static bool is_aligned(const struct store_io *io)
{
	uint64_t bits = (uintptr_t)io->buf | io->len | io->off | io->priv.moved;

	return !(bits & (DIRECT_ALIGN - 1));
}

/* True for registered memory, whose pages the kernel need not pin for each I/O. */
static bool is_registered(const struct posix_queue *queue, const struct store_io *io)
{
	uintptr_t at = (uintptr_t)io->buf - (uintptr_t)queue->staging;

	return queue->index >= 0 && at <= queue->len && io->len <= queue->len - at;
}

/* Get the number of bytes to ask the kernel for: all that are left. */
static uint32_t step_len(const struct store_io *io)
{
	uint32_t left = io->len - io->priv.moved;

	if (io->kind == STORE_READ ? fault_at(STORE_READ_SHORT) : fault_at(STORE_WRITE_SHORT))
		return (left + 1) / 2;
	return left;
}

/*
 * Read or write tmpfs by a system call. tmpfs copies, or gives its pages to a pipe, without waiting
 * for anything. But io_uring does not know that (for reads, before Linux 6.6), and would use a
 * thread of its own.
 */
static void move_now(struct posix_queue *queue, struct store_io *io, int fd)
{
	char *buf = (char *)io->buf + io->priv.moved;
	size_t len = step_len(io);
	off_t off = (off_t)(io->off + io->priv.moved);
	ssize_t n;

	if (!io->buf)
		n = splice(fd, &off, io->pipe, NULL, len, SPLICE_F_NONBLOCK);
	else
		n = io->kind == STORE_READ ? pread(fd, buf, len, off) : pwrite(fd, buf, len, off);
	evloop_defer(queue->loop, &posix_progress_of(io)->ev, n < 0 ? -errno : (int32_t)n);
}

/* Move pages into a pipe. This has no asynchronous form, so threads of io_uring do it. */
static void splice_later(struct posix_queue *queue, struct store_io *io, int fd)
{
	struct io_uring_sqe *sqe = evloop_sqe(queue->loop);

	io_uring_prep_splice(sqe, fd, (int64_t)(io->off + io->priv.moved), io->pipe, -1,
			     step_len(io), SPLICE_F_NONBLOCK);
	evloop_bind(sqe, &posix_progress_of(io)->ev);
}

static void read_or_write(struct posix_queue *queue, struct store_io *io)
{
	struct io_uring_sqe *sqe = evloop_sqe(queue->loop);
	char *buf = (char *)io->buf + io->priv.moved;
	unsigned len = step_len(io);
	uint64_t off = io->off + io->priv.moved;
	int fd = posix_io_fd(io);

	if (io->kind == STORE_READ)
		io_uring_prep_read(sqe, fd, buf, len, off);
	else
		io_uring_prep_write(sqe, fd, buf, len, off);
	if (is_registered(queue, io)) {
		sqe->opcode = io->kind == STORE_READ ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED;
		sqe->buf_index = (uint16_t)queue->index;
	}
	if (posix_io_durable(io))
		sqe->rw_flags = RWF_DSYNC;
	evloop_bind(sqe, &posix_progress_of(io)->ev);
}

/*
 * A write past the page cache may be left to the disk, and nothing of this process waits for it. So
 * the ring holds the lock of the export from the first one on. False: it cannot.
 */
static bool holds_lock(struct posix_queue *queue)
{
	if (!queue->asked_to_hold) {
		queue->asked_to_hold = true;
		queue->holds = !evloop_hold(queue->loop, queue->root);
	}
	return queue->holds;
}

/* True if a thread of io_uring would do the step, but the kernel has just refused one. */
static bool needs_rescue(const struct posix_queue *queue, const struct store_io *io)
{
	return (io->kind == STORE_WRITE || !io->buf) && posix_rescue_wanted(queue->rescue);
}

static void submit(struct posix_queue *queue, struct store_io *io)
{
	struct posix_file *file = posix_file_of(io->file);
	struct posix_progress *progress = posix_progress_of(io);

	progress->direct = io->buf && file->direct >= 0 && !progress->no_direct && is_aligned(io);
	if (file->uncached && io->kind == STORE_WRITE && !holds_lock(queue))
		progress->direct = false;
	if (file->memory && (io->kind == STORE_READ || io->len <= COPY_MAX))
		move_now(queue, io, file->fd);
	else if (fault_at(STORE_RING_CANCEL))
		evloop_defer(queue->loop, &progress->ev, -ECANCELED);
	else if (needs_rescue(queue, io))
		posix_rescue_run(queue->rescue, io);
	else if (!io->buf)
		splice_later(queue, io, file->fd);
	else
		read_or_write(queue, io);
}

/* True if a failed step should be tried again. */
static bool try_again(struct posix_progress *progress, int32_t err)
{
	if (err == -EINTR || err == -EAGAIN)
		return progress->agains++ < AGAIN_MAX;
	if (err == -EINVAL && progress->direct) {
		progress->no_direct = true;
		return true;
	}
	return false;
}

/*
 * Check that a read of len > 0 bytes meets no hole before the end of the file. Returns 0, -ENODATA
 * or another -errno. For the kernel the end of a file is a hole, too, and the file may grow or
 * shrink between two calls. So a hole counts only if it is seen twice at the same place. The size
 * is read first, because a file that grows then moves its end further away.
 */
static int check_holes(const struct store_io *io)
{
	int fd = posix_file_of(io->file)->fd;
	off_t hole = -1, before;
	struct stat st;
	uint64_t end;

	for (int i = 0; i < HOLE_LOOKS; i++) {
		if (fstat(fd, &st))
			return -errno;
		if (io->off >= (uint64_t)st.st_size)
			return 0;
		end = (uint64_t)st.st_size - io->off < io->len ? (uint64_t)st.st_size
							       : io->off + io->len;
		before = hole;
		hole = lseek(fd, (off_t)io->off, SEEK_HOLE);
		if (hole < 0) /* ENXIO: the file shrank. EINVAL: it cannot have holes. */
			return errno == ENXIO || errno == EINVAL ? 0 : -errno;
		if ((uint64_t)hole >= end)
			return 0;
		if (hole == before)
			break;
	}
	return -ENODATA;
}

static bool minds_holes(const struct store_io *io)
{
	return io->kind == STORE_READ && io->flags & IO_NO_HOLES;
}

/*
 * End an I/O. Holes are checked once more, because a range may have been punched after the first
 * check and before its bytes were read.
 */
static void finish(struct store_io *io)
{
	int err = io->priv.moved && minds_holes(io) ? check_holes(io) : 0;

	io->done(io, err ? err : (int64_t)io->priv.moved);
}

/* True if the kernel has to begin to write the data of a finished write to disk. */
static bool needs_writeback(struct store_io *io)
{
	return io->kind == STORE_WRITE && io->priv.moved && !posix_progress_of(io)->direct &&
	       !posix_io_durable(io) && !posix_file_of(io->file)->memory &&
	       posix_writeback_wanted(io->priv.moved);
}

static void begin_writeback(struct posix_queue *queue, struct store_io *io)
{
	struct io_uring_sqe *sqe;

	posix_progress_of(io)->writeback = true;
	if (needs_rescue(queue, io)) {
		posix_rescue_run(queue->rescue, io);
		return;
	}
	sqe = evloop_sqe(queue->loop);
	io_uring_prep_sync_file_range(sqe, posix_io_fd(io), io->priv.moved, io->off,
				      SYNC_FILE_RANGE_WRITE);
	evloop_bind(sqe, &posix_progress_of(io)->ev);
}

static void moved(struct ev *ev, int32_t res)
{
	struct store_io *io = posix_io_of(ev);
	struct posix_queue *queue = io->priv.queue;

	if (res == -ECANCELED) { /* nothing else cancels I/O */
		posix_rescue_refused(queue->rescue, io);
		return;
	}
	if (posix_progress_of(io)->writeback) { /* a sync reports what went wrong */
		finish(io);
		return;
	}
	if (res < 0 && try_again(posix_progress_of(io), res)) {
		submit(queue, io);
		return;
	}
	/* A write of zero bytes is an error, because repeating it might never end. */
	if (!res && io->kind == STORE_WRITE)
		res = -EIO;
	if (res < 0) {
		/*
		 * Most likely the data could not be written to disk, which the kernel reports only
		 * once.
		 */
		if (res == -EIO && posix_io_durable(io)) {
			posix_inode_poison(posix_file_of(io->file)->inode);
			store_lost(io->file->store);
		}
		io->done(io, res);
		return;
	}
	if (io->kind == STORE_READ && io->buf && res)
		VALGRIND_MAKE_MEM_DEFINED((char *)io->buf + io->priv.moved, (size_t)res);
	io->priv.moved += (uint32_t)res;
	if (res && io->priv.moved < io->len)
		submit(queue, io);
	else if (needs_writeback(io))
		begin_writeback(queue, io);
	else
		finish(io);
}

static int fault_of(enum store_io_kind kind)
{
	if (kind == STORE_READ)
		return fault_at(STORE_READ_EIO) ? -EIO : 0;
	if (fault_at(STORE_WRITE_EIO))
		return -EIO;
	return fault_at(STORE_WRITE_ENOSPC) ? -ENOSPC : 0;
}

/* True if the memory of the control group suffices for what is written to tmpfs. */
static bool fits_in_group(const struct store_io *io)
{
	struct posix_file *file = posix_file_of(io->file);

	return io->kind != STORE_WRITE || !file->memory ||
	       posix_tmpfs_has_room(posix_store_of(io->file->store), file->fd, io->off, io->len);
}

void posix_io_submit(struct store_queue *base, struct store_io *io)
{
	struct posix_queue *queue = (struct posix_queue *)base;
	int err = store_io_check(io);

	if (!err)
		err = fault_of(io->kind);
	if (!err && io->len && minds_holes(io))
		err = check_holes(io);
	if (!err && io->len && !fits_in_group(io))
		err = -ENOSPC;
	if (err || !io->len || io->off > INT64_MAX - (uint64_t)io->len) {
		store_later(queue->loop, io, err); /* nothing lies beyond the largest offset */
		return;
	}
	io->priv.queue = queue;
	io->priv.moved = 0;
	*posix_progress_of(io) = (struct posix_progress){.ev.fn = moved};
	submit(queue, io);
}
