/*
 * What a worker's ring may be asked: every operation and every registration that the kernel knows
 * is tried, and all but those that the server uses are refused.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/store/evloop_ring.h"

static const unsigned used[] = {
	IORING_OP_READ,	       IORING_OP_WRITE,	 IORING_OP_READ_FIXED,
	IORING_OP_WRITE_FIXED, IORING_OP_SPLICE, IORING_OP_POLL_ADD,
	IORING_OP_TIMEOUT,     IORING_OP_NOP,	 IORING_OP_SYNC_FILE_RANGE,
};

static bool is_used(unsigned op)
{
	for (size_t i = 0; i < sizeof(used) / sizeof(*used); i++)
		if (used[i] == op)
			return true;
	return false;
}

static int register_with(struct io_uring *ring, unsigned op, void *arg, unsigned nr)
{
	return syscall(SYS_io_uring_register, ring->ring_fd, op, arg, nr) < 0 ? -errno : 0;
}

static void open_ring(struct io_uring *ring)
{
	cr_assert_eq(evloop_ring_open(ring, 8), 0);
	cr_assert_eq(register_with(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0), 0);
}

static int ask(struct io_uring *ring, unsigned op)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int res;

	io_uring_prep_rw((int)op, sqe, -1, NULL, 0, 0);
	cr_assert_eq(io_uring_submit_and_wait(ring, 1), 1);
	cr_assert_eq(io_uring_peek_cqe(ring, &cqe), 0);
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res;
}

/* The kernel's last operation, as a ring without restrictions says. */
static unsigned last_op(void)
{
	struct io_uring_probe *probe = io_uring_get_probe();
	unsigned last;

	cr_assert(probe);
	last = probe->last_op;
	io_uring_free_probe(probe);
	return last;
}

Test(ring, nothing_but_what_is_used_may_be_submitted)
{
	unsigned last = last_op();
	struct io_uring ring;

	open_ring(&ring);
	for (unsigned op = 0; op <= last; op++)
		if (!is_used(op))
			cr_assert_eq(ask(&ring, op), -EACCES, "operation %u", op);
	cr_assert_eq(ask(&ring, IORING_OP_NOP), 0);
	cr_assert_neq(ask(&ring, IORING_OP_READ), -EACCES);
	io_uring_queue_exit(&ring);
}

Test(ring, nothing_may_be_registered_later)
{
	struct io_uring ring;

	open_ring(&ring);
	for (unsigned op = 0; op < IORING_REGISTER_LAST; op++)
		if (op != IORING_REGISTER_RING_FDS && op != IORING_UNREGISTER_RING_FDS &&
		    op != IORING_REGISTER_FILES_UPDATE)
			cr_assert_eq(register_with(&ring, op, NULL, 0), -EACCES, "%u", op);
	io_uring_queue_exit(&ring);
}

Test(ring, no_flag_of_a_submission_is_taken)
{
	static const unsigned flags[] = {IOSQE_FIXED_FILE, IOSQE_IO_DRAIN, IOSQE_IO_LINK,
					 IOSQE_IO_HARDLINK, IOSQE_ASYNC};
	struct io_uring_cqe *cqe;
	struct io_uring ring;

	open_ring(&ring);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		io_uring_prep_nop(sqe);
		sqe->flags = (uint8_t)flags[i];
		cr_assert_eq(io_uring_submit_and_wait(&ring, 1), 1);
		cr_assert_eq(io_uring_peek_cqe(&ring, &cqe), 0);
		cr_assert_eq(cqe->res, -EACCES, "flag %#x: %d", flags[i], cqe->res);
		io_uring_cqe_seen(&ring, cqe);
	}
	io_uring_queue_exit(&ring);
}

/* So that the refusals above are known to be those of the restrictions. */
Test(ring, a_plain_one_opens_files)
{
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct io_uring ring;

	cr_assert_eq(io_uring_queue_init(8, &ring, 0), 0);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
	cr_assert_eq(io_uring_submit_and_wait(&ring, 1), 1);
	cr_assert_eq(io_uring_peek_cqe(&ring, &cqe), 0);
	cr_assert_geq(cqe->res, 0);
	close(cqe->res);
	io_uring_queue_exit(&ring);
}
