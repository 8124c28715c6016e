/*
 * Makes the objects that each I/O of a benchmark has of its own, because some programs make a ring,
 * iov or descriptor for each I/O. The I/O owns them; the thread of its lane.
 */
#include <errno.h>
#include <fcntl.h>

#include <hf3fs_usrbio.h>
#include <usrbio.h>

#include "client/tool/bench/bench.h"

static int own_ring(const struct bench_config *config, struct bench_ring *ring)
{
	return hf3fs_iorcreate4(&ring->ior, config->mount_point, 1, !config->write, 0, 0, -1, 0);
}

static int own_iov(const struct bench_config *config, struct bench_ring *ring, struct bench_io *io)
{
	int err = own_ring(config, ring);

	if (err)
		return err;
	err = hf3fs_iovcreate(&io->own_iov, config->mount_point, config->iov_size, 0, -1);
	if (err) {
		hf3fs_iordestroy(&ring->ior);
		return err;
	}
	io->iov = &io->own_iov;
	io->buf = io->iov->base;
	return 0;
}

/*
 * Wrap the memory of all I/Os of the lane again, as programs do that wrap their whole cache for
 * each I/O.
 */
static int own_wrap(struct bench_io *io)
{
	const struct hf3fs_iov *all = io->iov;
	int err = hf3fs_iovwrap(&io->own_iov, all->base, (const uint8_t *)all->id, all->mount_point,
				all->size, 0, -1);

	if (!err)
		io->iov = &io->own_iov;
	return err;
}

static int own_file(const struct bench_config *config, struct bench_io *io)
{
	io->fd = bench_file_open(io->file->path, config->write ? O_WRONLY : O_RDONLY);
	return io->fd < 0 ? io->fd : 0;
}

int bench_own(const struct bench_config *config, struct bench_ring *ring, struct bench_io *io)
{
	switch (config->own) {
	case OWN_RING:
		return own_ring(config, ring);
	case OWN_IOV:
		return own_iov(config, ring, io);
	case OWN_WRAP:
		return own_wrap(io);
	case OWN_FILE:
		return own_file(config, io);
	case OWN_NOTHING:
		break;
	}
	return 0;
}

void bench_disown(const struct bench_config *config, struct bench_ring *ring, struct bench_io *io)
{
	if (config->own == OWN_RING || config->own == OWN_IOV)
		hf3fs_iordestroy(&ring->ior);
	if (config->own == OWN_IOV)
		hf3fs_iovdestroy(&io->own_iov);
	if (config->own == OWN_FILE) {
		bench_file_close(io->fd);
		io->fd = -1;
	}
}
