/*
 * A file of a mount as a stream; see stream.h. DEPTH blocks are read ahead; they are written in the
 * order of their offsets. The caller owns the stream; one thread.
 */
#include "client/tool/stream/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <hf3fs_usrbio.h>

#define DEPTH 8
#define BLOCK ((uint64_t)1 << 20) /* bytes */

struct stream {
	struct hf3fs_iov iov;
	struct hf3fs_ior ior;
	int64_t result[DEPTH]; /* of the read into each block; -EINPROGRESS: it is under way */
	unsigned under_way;
	uint64_t read, written; /* offsets in bytes: of the next read, and of the next write */
};

int stream_open(struct stream **stream, const char *mount_point)
{
	struct stream *new = calloc(1, sizeof(*new));
	int err;

	if (!new)
		return -ENOMEM;
	err = hf3fs_iovcreate(&new->iov, mount_point, DEPTH * BLOCK, 0, -1);
	if (!err) {
		err = hf3fs_iorcreate4(&new->ior, mount_point, DEPTH, true, 0, 0, -1, 0);
		if (err)
			hf3fs_iovdestroy(&new->iov);
	}
	if (err)
		free(new);
	else
		*stream = new;
	return err;
}

void stream_close(struct stream *stream)
{
	if (!stream)
		return;
	hf3fs_iordestroy(&stream->ior);
	hf3fs_iovdestroy(&stream->iov);
	free(stream);
}

static unsigned block_of(uint64_t off)
{
	return (unsigned)(off / BLOCK % DEPTH);
}

/* Begin reads until all blocks are in use. What was begun is submitted, also after an error. */
static int read_ahead(struct stream *stream, int fd)
{
	int err = 0, submitted;

	while (err >= 0 && stream->read < stream->written / BLOCK * BLOCK + DEPTH * BLOCK) {
		unsigned block = block_of(stream->read);
		uint64_t skip = stream->read % BLOCK;

		err = hf3fs_prep_io(&stream->ior, &stream->iov, true,
				    stream->iov.base + block * BLOCK + skip, fd, stream->read,
				    BLOCK - skip, &stream->result[block]);
		if (err < 0)
			break;
		stream->result[block] = -EINPROGRESS;
		stream->under_way++;
		stream->read += BLOCK - skip;
	}
	submitted = hf3fs_submit_ios(&stream->ior);
	return err < 0 ? err : submitted;
}

/* Wait until at least one read has ended. 0 or -errno. */
static int collect(struct stream *stream)
{
	struct hf3fs_cqe cqes[DEPTH];
	int n = hf3fs_wait_for_ios(&stream->ior, cqes, DEPTH, 1, NULL);

	for (int i = 0; i < n; i++)
		*(int64_t *)cqes[i].userdata = cqes[i].result;
	stream->under_way -= n > 0 ? (unsigned)n : 0;
	return n < 0 ? n : 0;
}

/* Wait until no read is under way. 0 or -errno. */
static int drain(struct stream *stream)
{
	int err = 0;

	while (!err && stream->under_way)
		err = collect(stream);
	return err;
}

static int write_all(int out, const uint8_t *at, uint64_t len)
{
	while (len) {
		ssize_t n = write(out, at, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? n : 0;
		len -= n > 0 ? (uint64_t)n : 0;
	}
	return 0;
}

/*
 * Write the block that is next. 1: go on; 0: it was the end of the file; or -errno. After a read of
 * fewer bytes than asked for, the file may have more: the rest is read from there again, and only a
 * read of no bytes is the end.
 */
static int write_block(struct stream *stream, int out, bool *writing)
{
	unsigned block = block_of(stream->written);
	uint64_t skip = stream->written % BLOCK, got;
	int err;

	if (stream->result[block] <= 0)
		return (int)stream->result[block];
	got = (uint64_t)stream->result[block];
	err = write_all(out, stream->iov.base + block * BLOCK + skip, got);
	*writing = err;
	stream->written += got;
	if (err || got == BLOCK - skip)
		return err ? err : 1;
	err = drain(stream);
	stream->read = stream->written;
	return err ? err : 1;
}

int stream_copy(struct stream *stream, int fd, int out, bool *writing)
{
	int err = 1;

	*writing = false;
	stream->read = stream->written = 0;
	while (err > 0) {
		err = read_ahead(stream, fd);
		while (!err && stream->result[block_of(stream->written)] == -EINPROGRESS)
			err = collect(stream);
		if (!err)
			err = write_block(stream, out, writing);
	}
	drain(stream);
	return err;
}
