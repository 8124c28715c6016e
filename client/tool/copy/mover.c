/* Moves bytes between files and memory; see mover.h. A lane owns a mover; the lane's thread. */
#include "client/tool/copy/mover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum side side_of(enum way way)
{
	return way == READ_FROM ? FROM : TO;
}

static bool is_read(enum way way)
{
	return way != WRITE_TO;
}

/*
 * Make the memory for all pieces. Between two mounts it is one memory with an iov for each mount.
 * 0 or -errno.
 */
static int make_memory(struct mover *mover, const struct copy *copy, size_t size)
{
	const char *from = copy->side[FROM].mount_point, *to = copy->side[TO].mount_point;
	int err;

	if (!mover->rings[FROM] && !mover->rings[TO]) {
		mover->base = malloc(size);
		return mover->base ? 0 : -ENOMEM;
	}
	err = hf3fs_iovcreate(&mover->iov, mover->rings[FROM] ? from : to, size, 0, -1);
	if (err)
		return err;
	mover->own_iov = true;
	mover->base = mover->iov.base;
	if (!mover->rings[FROM] || !mover->rings[TO] || !strcmp(from, to))
		return 0;
	return hf3fs_iovwrap(&mover->other, mover->base, (const uint8_t *)mover->iov.id, to, size,
			     0, -1);
}

/* Make the ring of one way, if its side has rings and the copy needs this way. 0 or -errno. */
static int make_ring(struct mover *mover, const struct copy *copy, enum way way, unsigned entries)
{
	struct mover_ring *ring = &mover->ring[way];
	int err;

	if (!mover->rings[side_of(way)] || (way == READ_TO && !copy_reads_target(&copy->config)))
		return 0;
	err = hf3fs_iorcreate4(&ring->ior, copy->side[side_of(way)].mount_point, (int)entries,
			       is_read(way), 0, 0, -1, 0);
	ring->made = !err;
	return err;
}

int mover_open(struct mover *mover, const struct copy *copy, size_t size, unsigned entries)
{
	int err;

	*mover = (struct mover){.rings = {copy->side[FROM].fs->rings, copy->side[TO].fs->rings}};
	err = make_memory(mover, copy, size);
	for (enum way way = 0; !err && way < NR_WAYS; way++)
		err = make_ring(mover, copy, way, entries);
	if (err)
		mover_close(mover);
	return err;
}

void mover_close(struct mover *mover)
{
	for (enum way way = 0; way < NR_WAYS; way++) {
		if (mover->ring[way].made)
			hf3fs_iordestroy(&mover->ring[way].ior);
	}
	if (mover->own_iov)
		hf3fs_iovdestroy(&mover->iov);
	else
		free(mover->base);
	*mover = (struct mover){0};
}

/* Move by pread or pwrite what one I/O of a ring would: up to len bytes, fewer at the end. */
static int64_t move_here(enum way way, int fd, uint8_t *buf, uint64_t off, uint64_t len)
{
	uint64_t done = 0;

	while (done < len) {
		size_t left = len - done;
		off_t at = (off_t)(off + done);
		ssize_t n = is_read(way) ? pread(fd, buf + done, left, at)
					 : pwrite(fd, buf + done, left, at);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			break;
		if (n > 0)
			done += (uint64_t)n;
	}
	return (int64_t)done;
}

int64_t mover_read_stream(int fd, uint8_t *buf, uint64_t len)
{
	ssize_t n;

	do {
		n = read(fd, buf, len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int64_t mover_write_stream(int fd, const uint8_t *buf, uint64_t len)
{
	uint64_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, buf + done, len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (uint64_t)n;
	}
	return (int64_t)done;
}

int64_t mover_move(struct mover *mover, enum way way, int fd, void *buf, uint64_t off, uint64_t len,
		   void *user)
{
	struct mover_ring *ring = &mover->ring[way];
	bool other = side_of(way) == TO && mover->other.base;
	int slot;

	if (!ring->made)
		return move_here(way, fd, buf, off, len);
	slot = hf3fs_prep_io(&ring->ior, other ? &mover->other : &mover->iov, is_read(way), buf, fd,
			     off, len, user);
	if (slot < 0)
		return slot;
	ring->prepared++;
	return -EINPROGRESS;
}

static int submit(struct mover *mover)
{
	for (enum way way = 0; way < NR_WAYS; way++) {
		struct mover_ring *ring = &mover->ring[way];
		int err = ring->prepared ? hf3fs_submit_ios(&ring->ior) : 0;

		if (err)
			return err;
		ring->under_way += ring->prepared;
		ring->prepared = 0;
	}
	return 0;
}

static int collect(struct mover_ring *ring, struct hf3fs_cqe *cqes, int max, int min)
{
	int n;

	if (!ring->under_way || !max)
		return 0;
	n = hf3fs_wait_for_ios(&ring->ior, cqes, max, min, NULL);
	if (n > 0)
		ring->under_way -= (unsigned)n;
	return n;
}

/*
 * A call can wait for one ring only. If several rings have I/Os under way, take the results that
 * each of them has. If there are none, wait for the ring with the most I/Os, whose results do not
 * depend on the other rings.
 */
int mover_wait(struct mover *mover, struct hf3fs_cqe *cqes, int max)
{
	struct mover_ring *busiest = &mover->ring[0];
	unsigned nr_busy = 0;
	int got = 0, n = submit(mover);

	for (enum way way = 0; way < NR_WAYS; way++) {
		struct mover_ring *ring = &mover->ring[way];

		nr_busy += ring->under_way > 0;
		if (ring->under_way > busiest->under_way)
			busiest = ring;
	}
	for (enum way way = 0; nr_busy > 1 && n >= 0 && way < NR_WAYS; way++) {
		n = collect(&mover->ring[way], cqes + got, max - got, 0);
		got += n > 0 ? n : 0;
	}
	if (!got && n >= 0)
		got = n = collect(busiest, cqes, max, 1);
	return n < 0 ? n : got;
}
