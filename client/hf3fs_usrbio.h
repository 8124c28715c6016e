/*
 * The USRBIO ring API of 3FS, served over the network by libusrbio.
 *
 * The declarations are those of 3FS's header, token by token, at its commit
 *	815e55e4c070653f320d3a45cf32d71d3b1778f3
 * so programs written for it compile, link and run unchanged; the comments are ours. Functions that
 * 3FS added later (hf3fs_iovcreate_device and others for GPU memory) are not there. The library
 * connects to usrbio-server; it is not a client of a 3FS cluster. The functions that this library
 * adds are in usrbio.h.
 *
 * The life of a transfer:
 *
 *	hf3fs_iovcreate()       memory the server may read and write
 *	hf3fs_iorcreate4()      a ring, for reading or for writing
 *	hf3fs_reg_fd()          a file
 *	hf3fs_prep_io()         once per I/O
 *	hf3fs_submit_ios()      send them
 *	hf3fs_wait_for_ios()    collect the results
 *
 * A mount point is a URL (tcp, tls, rdma or usrbio://host/export, or loop:///DIR), a directory of
 * the mount table (USRBIO_MOUNTS, /etc/usrbio/mounts), or a directory made a mount by
 * `usrbio attach`. See usrbio(7).
 *
 * Errors: unless a function says otherwise it returns -errno. Three functions of 3FS return
 * +errno instead and are marked so. No function raises a signal, aborts, or prints to stdout.
 * usrbio(7) lists all errors with causes and remedies. Each call that connects may also return
 * -EREMOTEIO (no server), -EKEYREJECTED (no key, or a wrong one) or -EPROTONOSUPPORT (another
 * version, or only one side uses TLS).
 *
 * Threads: every function may be called by any thread at any time, except that one ring is
 * prepared and submitted by one thread at a time. Other threads may wait on it meanwhile.
 *
 * fork: rings and iovs that were made before a fork belong to the parent. Calls for them return
 * -EINVAL in the child.
 */
#pragma once

#include <sched.h> /* struct timespec, also in strict C99, where <time.h> has none */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* f_type of 3FS's own file system, kept for programs that compare with it. */
#define HF3FS_SUPER_MAGIC 0x8f3f5fff

typedef void *hf3fs_iov_handle;

/*
 * An iov: memory of this process that I/O reads into or writes from. Filled in by iovcreate,
 * iovopen or iovwrap; may be copied bitwise. The library uses the handle only; the other fields are
 * informational.
 */
struct hf3fs_iov {
	uint8_t *base;	       /* the first byte of the memory */
	hf3fs_iov_handle iovh; /* NULL for wrapped memory */

	char id[16]; /* UUID, 16 raw bytes: hf3fs_iovopen in another process needs it */
	char mount_point[256];
	size_t size;	   /* bytes */
	size_t block_size; /* bytes; an I/O must not cross a multiple of it. 0: no blocks */
	int numa;	   /* the node that the program asked for; negative: any */
};

typedef void *hf3fs_ior_handle;

/* A ring. Filled in by iorcreate; may be copied bitwise, like an iov. */
struct hf3fs_ior {
	struct hf3fs_iov iov; /* zeroed; it is here because 3FS has it */
	hf3fs_ior_handle iorh;

	char mount_point[256];
	bool for_read; /* true: every I/O of this ring reads the file */
	/*
	 * How prepared I/Os are sent.
	 *   0: all of them, as soon as possible.
	 * > 0: in exact multiples of io_depth; a remainder waits until more are prepared.
	 * < 0: at most -io_depth in one batch; an incomplete batch goes `timeout` ms after its
	 * first I/O was prepared, or at once when timeout is 0.
	 */
	int io_depth;
	int priority; /* only the sign counts: < 0 high, 0 normal, > 0 low */
	int timeout;  /* milliseconds, for io_depth < 0 */
	uint64_t flags;
};

/* The result of one I/O. */
struct hf3fs_cqe {
	int32_t index; /* the result of hf3fs_prep_io for this I/O */
	int32_t reserved;
	int64_t result; /* bytes that were moved, fewer only at the end of the file; or -errno */
	const void *userdata;
};

/* True if fd is a file or a directory on a mount of this library; false for anything else. */
bool hf3fs_is_hf3fs(int fd);

/*
 * Find the mount that `path` lies on: symbolic links resolved, deepest mount first.
 * Returns strlen(mount point) + 1, or -1 if the path is on no mount, does not exist or is NULL.
 * The mount point, without a trailing slash, is stored with its final zero when it fits into
 * `size` bytes; otherwise the buffer is left alone and the return value is the size needed.
 */
int hf3fs_extract_mount_point(char *hf3fs_mount_point, int size, const char *path);

/*
 * Make an iov of `size` bytes of zeroed shared memory, registered with the network.
 *   size        bytes, any number > 0
 *   block_size  bytes, 0 for none, at most size
 *   numa        node to place it on; negative or not on this machine: no placement
 * 0; -EINVAL (NULL, size 0, block_size > size, mount point of 256 bytes or more), -ENOENT (no mount
 * of this library), -ENOMEM (no memory or, over RDMA, none that may be pinned: see ulimit -l),
 * -EMFILE. On failure *iov is untouched. The library owns the memory until hf3fs_iovdestroy. Does
 * not connect.
 */
int hf3fs_iovcreate(struct hf3fs_iov *iov, const char *hf3fs_mount_point, size_t size,
		    size_t block_size, int numa);

/*
 * Map an iov that another process of the same user on this host has created, by its id. Both are in
 * one network and one PID namespace: not in two containers that have their own.
 * 0; -ENOENT (no such id, unlinked, or another block_size), -EPERM (another user's), -EINVAL (size
 * 0 or larger than the iov), -ENOMEM. Destroying it leaves the creator's alone.
 */
int hf3fs_iovopen(struct hf3fs_iov *iov, const uint8_t id[16], const char *hf3fs_mount_point,
		  size_t size, size_t block_size, int numa);

/*
 * Remove the iov's id, so that no other process can open it. Existing mappings and I/O continue. No
 * error is returned, and a second call has no effect. Only the creator can do this: for an opened
 * or wrapped iov this does nothing.
 */
void hf3fs_iovunlink(struct hf3fs_iov *iov);

/*
 * Destroy an iov: wait until the server no longer uses it, then deregister and unmap it. This never
 * waits for an unreachable server. I/Os that still wait complete with -ECANCELED, also those of
 * wrapped iovs inside its memory. NULL, zeroed, wrapped or destroyed iovs: no effect.
 * The struct itself is the caller's.
 */
void hf3fs_iovdestroy(struct hf3fs_iov *iov);

/*
 * Describe memory the caller owns as an iov, under an id of the caller's choice. Any kind of memory
 * that stays mapped while I/O uses it. Cheap; registration happens when the first I/O is submitted
 * and is remembered by (id, base, size). Over RDMA it brings in and pins the whole range, elsewhere
 * an I/O brings in its own pages. There is no unwrap: wrap again with the same id and another range
 * when the memory moves, and with another id when other memory is mapped at the same address. What
 * cannot be registered shows in the completion: -EFAULT, -ENOMEM. 0; -EINVAL (NULL iov, mount point
 * of 256 bytes or more).
 */
int hf3fs_iovwrap(struct hf3fs_iov *iov, void *base, const uint8_t id[16],
		  const char *hf3fs_mount_point, size_t size, size_t block_size, int numa);

/* Return the bytes of shared memory that such a ring has in 3FS: 4240 + 96 * entries. */
size_t hf3fs_ior_size(int entries);

/*
 * Make a ring. Cheap: no connection, no exchange with the server.
 *   entries   I/Os that may be prepared or under way at once, 1 to 1,048,576
 *   for_read  the direction of every I/O of this ring
 *   io_depth  see struct hf3fs_ior
 *   priority, timeout, flags   likewise; unknown flag bits are accepted
 *   numa      node for the ring's memory, negative: any
 * 0; -EINVAL (NULL, empty or over-long mount point, entries out of range, io_depth > entries,
 * timeout < 0), -ENOENT (no mount of this library), -ENOMEM.
 *
 * For parameters that a call does not have: the priority is normal, timeout and flags are 0.
 * iorcreate4 has no priority.
 */
int hf3fs_iorcreate(struct hf3fs_ior *ior, const char *hf3fs_mount_point, int entries,
		    bool for_read, int io_depth, int numa);
int hf3fs_iorcreate2(struct hf3fs_ior *ior, const char *hf3fs_mount_point, int entries,
		     bool for_read, int io_depth, int priority, int numa);
int hf3fs_iorcreate3(struct hf3fs_ior *ior, const char *hf3fs_mount_point, int entries,
		     bool for_read, int io_depth, int priority, int timeout, int numa);

/* This flag is accepted, and has no effect: a server has only one copy of each file. */
#define HF3FS_IOR_ALLOW_READ_UNCOMMITTED 1
/*
 * A read that meets a hole before the end of the file completes with -ENODATA instead of zeros. A
 * hole is what the server's file system reports as a hole by lseek(2), SEEK_HOLE. On ext4, xfs and
 * tmpfs this includes space that was allocated and never written.
 */
#define HF3FS_IOR_FORBID_READ_HOLES 2
int hf3fs_iorcreate4(struct hf3fs_ior *ior, const char *hf3fs_mount_point, int entries,
		     bool for_read, int io_depth, int timeout, int numa, uint64_t flags);

/*
 * Destroy a ring, after its I/Os under way have ended. NULL, zeroed, destroyed: no effect.
 * The struct itself is the caller's.
 */
void hf3fs_iordestroy(struct hf3fs_ior *ior);

/*
 * Make a descriptor usable by prep_io: a file below a directory mount, or one from usrbio_open.
 * Returns a number <= 0 (which prep_io takes, as it takes fd itself), or **+errno**: EBADF (not
 * ours, closed), EINVAL (that number is registered already), or what opening it at the server says.
 * The registration holds the file and fd's access mode of now: closing fd does not end it, only
 * hf3fs_dereg_fd does. flags: ignored. Asks the server once; may connect.
 */
int hf3fs_reg_fd(int fd, uint64_t flags);

/* End a registration; I/O under way is not affected. Unknown numbers: no effect. */
void hf3fs_dereg_fd(int fd);

/* Return the `entries` with which the ring was made; -EINVAL: ior is no ring. Never blocks. */
int hf3fs_io_entries(const struct hf3fs_ior *ior);

/*
 * Prepare one I/O in the ring: file bytes [off, off + len) from or to [ptr, ptr + len).
 *   iov       holds the memory; of the same mount as fd
 *   read      must be the ring's direction
 *   ptr, len  inside the iov, any alignment, len > 0
 *   fd        registered: the descriptor, its negation, or what reg_fd returned
 *   off       bytes into the file
 *   userdata  comes back in the cqe
 * Returns a slot in [0, entries), the cqe's index; it is taken until its cqe is collected.
 * -EINVAL (dead ring or iov, wrong direction, range outside the iov), -EBADF (fd not registered),
 * -EACCES (fd opened for the other direction only), -EAGAIN (all entries taken), -EXDEV (fd or iov
 * of another mount). On failure the ring is unchanged. The I/O may start at once; the memory
 * belongs to it until its completion. Never blocks, and touches no memory of the iov. One thread at
 * a time per ring.
 */
int hf3fs_prep_io(const struct hf3fs_ior *ior, const struct hf3fs_iov *iov, bool read, void *ptr,
		  int fd, size_t off, uint64_t len, const void *userdata);

/*
 * Send what has been prepared, as io_depth says. Never waits for the server: if the mount has no
 * connection, I/Os wait for one. Wrapped memory that is new is registered here, which takes time
 * for each page. 0, also for nothing to send; -EINVAL for a dead ring. If the server is
 * unreachable, the completions have the error.
 */
int hf3fs_submit_ios(const struct hf3fs_ior *ior);

/*
 * Collect completions that are there, in the order in which their I/Os were prepared.
 *   cqec           room in cqes, > 0
 *   min_results    wait for this many (at most cqec); <= 0: do not wait
 *   abs_timeout    CLOCK_REALTIME; NULL: for ever. A time in the past: do not wait
 * Returns how many were stored, which is less than min_results only if the time was over (never
 * -ETIMEDOUT); -EINVAL (dead ring, cqec <= 0). I/Os that did not complete in time stay under way.
 * The call never returns -EINTR.
 *
 * NULL with fewer I/Os under way than min_results waits for I/Os that another thread may submit: a
 * program that does not check hf3fs_prep_io may wait for ever.
 *
 * A thread that sleeps here may be cancelled (pthread_cancel): it has collected nothing then, and
 * other threads can collect the completions. No other function here or in usrbio.h is a
 * cancellation point. With PTHREAD_CANCEL_ASYNCHRONOUS no thread may call hf3fs_prep_io.
 */
int hf3fs_wait_for_ios(const struct hf3fs_ior *ior, struct hf3fs_cqe *cqes, int cqec,
		       int min_results, const struct timespec *abs_timeout);

/*
 * link(2) inside one mount, for paths or URLs. 0 or **+errno**: ENOTTY (not ours), EXDEV (two
 * mounts), or as link(2).
 * errno is left at that value; 0 leaves errno alone.
 */
int hf3fs_hardlink(const char *target, const char *link_name);

/*
 * Turn n ranges [start[i], end[i]) of a file into holes; its length stays. fd need not be
 * registered. Empty ranges are skipped. 0 (also for n <= 0) or **+errno**: EINVAL (n > 1000), EBADF
 * (not ours, not writable), EROFS, ... flags: ignored. Blocks for the server's answer. errno as
 * after hf3fs_hardlink.
 */
int hf3fs_punchhole(int fd, int n, const size_t *start, const size_t *end, size_t flags);

#ifdef __cplusplus
}
#endif
