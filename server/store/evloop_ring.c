/*
 * The set-up of an io_uring: the flags that this kernel takes, the reason if it takes none, and the
 * operations that the ring may be used for. The caller owns the ring. This code has no state, and
 * the thread that starts the server runs it.
 */
#include "server/store/evloop_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/log.h"

#define CQ_ENTRIES 16384 /* completions; much more I/O may be under way than one submission */

/* The best flags come first. Older kernels return -EINVAL for flags that they do not know. */
static const unsigned tries[] = {
	/* 6.1: the one thread that submits handles completions when it asks for them. */
	IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN |
		IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
	/* 5.19: completions do not interrupt the thread. */
	IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
	0,
};

/*
 * All operations that a ring is used for. When it is enabled, the kernel refuses all others, such
 * as opening files, connecting and accepting. (Only the tests use no-ops.)
 */
static const uint8_t used[] = {
	IORING_OP_READ,	       IORING_OP_WRITE,	 IORING_OP_READ_FIXED,
	IORING_OP_WRITE_FIXED, IORING_OP_SPLICE, IORING_OP_POLL_ADD,
	IORING_OP_TIMEOUT,     IORING_OP_NOP,	 IORING_OP_SYNC_FILE_RANGE,
};
/*
 * The registrations that are used after that. Memory is registered before. No operation can use
 * registered files, because no flag of a submission is allowed: the ring only holds them.
 */
static const uint8_t used_later[] = {IORING_REGISTER_RING_FDS, IORING_UNREGISTER_RING_FDS,
				     IORING_REGISTER_FILES_UPDATE};

/* Read kernel.io_uring_disabled; -1: there is no such sysctl (before 6.6). */
static int disabled_by_sysctl(void)
{
	int fd = open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);
	char digit = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, &digit, 1);
	close(fd);
	return n == 1 ? digit - '0' : -1;
}

static void explain(int err)
{
	int disabled = disabled_by_sysctl();

	if (err == -EPERM && disabled > 0)
		log_error("io_uring is switched off: sysctl kernel.io_uring_disabled is %d; set it "
			  "to 0%s",
			  disabled, disabled == 1 ? ", or join kernel.io_uring_group" : "");
	else if (err == -EPERM || err == -ENOSYS)
		log_error("io_uring is not available (%s): the kernel lacks it, or a seccomp "
			  "profile (containers) forbids it",
			  strerror(-err));
	else if (err == -ENOMEM)
		log_error("io_uring: no memory; raise RLIMIT_MEMLOCK (ulimit -l)");
	else
		log_error("io_uring: %s", strerror(-err));
}

/* Restrict the ring. liburing 2.3 does not export its io_uring_register_restrictions(). */
static int restrict_to_used(struct io_uring *ring)
{
	struct io_uring_restriction list[sizeof(used) + sizeof(used_later)] = {{0}};
	unsigned nr = 0;

	for (size_t i = 0; i < sizeof(used); i++, nr++) {
		list[nr].opcode = IORING_RESTRICTION_SQE_OP;
		list[nr].sqe_op = used[i];
	}
	for (size_t i = 0; i < sizeof(used_later); i++, nr++) {
		list[nr].opcode = IORING_RESTRICTION_REGISTER_OP;
		list[nr].register_op = used_later[i];
	}
	return syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_RESTRICTIONS, list,
		       nr) < 0
		       ? -errno
		       : 0;
}

/* Make room for files that the ring will hold. Without it, no write goes past the page cache. */
static void make_room(struct io_uring *ring)
{
	int none[HELD_MAX];

	memset(none, -1, sizeof(none));
	io_uring_register_files(ring, none, HELD_MAX);
}

/*
 * Find out whether the ring can be used at all. A filter of system calls may allow to make a ring
 * and forbid to use it. 0 or -errno. The kernel says EBADFD, because the ring is still disabled.
 */
static int check_enter(const struct io_uring *ring)
{
	if (!syscall(SYS_io_uring_enter, ring->ring_fd, 0, 0, 0, NULL, 0) || errno == EBADFD)
		return 0;
	return -errno;
}

int evloop_ring_open(struct io_uring *ring, unsigned entries)
{
	int err = -EINVAL;

	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries) && err == -EINVAL; i++) {
		struct io_uring_params params = {
			.flags = tries[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CLAMP |
				 IORING_SETUP_CQSIZE,
			.cq_entries = entries > CQ_ENTRIES / 2 ? entries * 2 : CQ_ENTRIES,
		};

		err = io_uring_queue_init_params(entries, ring, &params);
	}
	if (err) {
		explain(err);
		return err;
	}
	make_room(ring);
	err = restrict_to_used(ring);
	if (err) {
		log_error("io_uring: restrictions: %s", strerror(-err));
	} else {
		err = check_enter(ring);
		if (err)
			explain(err);
	}
	if (err)
		io_uring_queue_exit(ring);
	return err;
}
