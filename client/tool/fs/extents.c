/*
 * Finds the data in a file with holes; see extents.h. The file owns its extents; the thread of the
 * worker that has the file, and lanes under copy.lock.
 */
#include "client/tool/fs/extents.h"

#include <errno.h>
#include <unistd.h>

/* Copying a smaller hole as zeroes costs less than finding it. */
#define HOLE_MIN 16384 /* bytes */

bool extents_expected(const struct usrbio_stat *st)
{
	return st->blocks < st->size / 512 && st->size - st->blocks * 512 >= HOLE_MIN;
}

/* Find the first extent at or after pos. 0; -ENXIO: there is none; or another -errno. */
static int find(const struct fs *fs, int fd, uint64_t pos, struct extent *extent)
{
	int64_t off = fs->seek(fd, pos, SEEK_DATA), end;

	if (off < 0)
		return (int)off;
	end = fs->seek(fd, (uint64_t)off, SEEK_HOLE);
	if (end < 0)
		return (int)end; /* -ENXIO: another program has truncated the file */
	if ((uint64_t)off < pos || end <= off)
		return -EOPNOTSUPP; /* the answers contradict each other: do not use them */
	*extent = (struct extent){(uint64_t)off, (uint64_t)end};
	return 0;
}

static bool unchanged(const struct usrbio_stat *a, const struct usrbio_stat *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/*
 * Handle that no data was found after pos: the rest of the file is a hole. But another program may
 * have truncated and filled the file in between, so the rest is copied as data if the file changed
 * since `before`. The times of a file may stay the same for some milliseconds, so SEEK_HOLE must
 * find the hole, too.
 */
static int find_end(struct extents *extents, const struct fs *fs, int fd,
		    const struct usrbio_stat *before)
{
	int64_t hole = fs->seek(fd, extents->pos, SEEK_HOLE);
	bool found = hole >= 0 && (uint64_t)hole == extents->pos;
	struct usrbio_stat after;
	int err = fs->fstat(fd, &after);

	if (err)
		return err;
	if (after.size > extents->pos && !(found && unchanged(before, &after))) {
		extents->list[extents->n++] = (struct extent){extents->pos, after.size};
		extents->pos = after.size;
		return 0;
	}
	extents->complete = true;
	extents->size = after.size;
	return 0;
}

int extents_fill(struct extents *extents, const struct fs *fs, int fd)
{
	int err = 0;

	extents->n = extents->next = 0;
	while (!err && !extents->complete && extents->n < NR_EXTENTS) {
		struct extent *extent = &extents->list[extents->n];
		struct usrbio_stat st;

		err = fs->fstat(fd, &st);
		if (err)
			return err;
		err = find(fs, fd, extents->pos, extent);
		if (err == -ENXIO) {
			err = find_end(extents, fs, fd, &st);
		} else if (!err) {
			extents->pos = extent->end;
			extents->n++;
		}
	}
	return err == -EINVAL || err == -ENOTTY || err == -ESPIPE || err == -ENOSYS ? -EOPNOTSUPP
										    : err;
}
