/* Looking for data in a file with holes; a file's extents belong to the worker that has the file.
 */
#include "client/tool/extents.h"

#include <errno.h>
#include <unistd.h>

/* Smaller ones cost more to look for than to fill. */
#define HOLE_MIN 16384

bool extents_expected(const struct usrbio_stat *st)
{
	return st->blocks < st->size / 512 && st->size - st->blocks * 512 >= HOLE_MIN;
}

/* The extent at or behind pos. 0, -ENXIO: none, or another error. */
static int find(const struct fs *fs, int fd, uint64_t pos, struct extent *extent)
{
	int64_t off = fs->seek(fd, pos, SEEK_DATA), end;

	if (off < 0)
		return (int)off;
	end = fs->seek(fd, (uint64_t)off, SEEK_HOLE);
	if (end < 0)
		return (int)end; /* -ENXIO: cut off meanwhile */
	if ((uint64_t)off < pos || end <= off)
		return -EOPNOTSUPP; /* nonsense */
	*extent = (struct extent){(uint64_t)off, (uint64_t)end};
	return 0;
}

int extents_fill(struct extents *extents, const struct fs *fs, int fd)
{
	int err = 0;

	extents->n = extents->next = 0;
	while (!err && extents->n < sizeof(extents->list) / sizeof(*extents->list)) {
		struct extent *extent = &extents->list[extents->n];
		struct usrbio_stat st;

		/* The size first: up to there, everything behind the last data is a hole. */
		err = fs->fstat(fd, &st);
		if (err)
			return err;
		err = find(fs, fd, extents->pos, extent);
		if (err == -ENXIO) {
			extents->complete = true;
			extents->size = st.size;
			return 0;
		}
		if (!err) {
			extents->pos = extent->end;
			extents->n++;
		}
	}
	return err == -EINVAL || err == -ENOTTY || err == -ESPIPE || err == -ENOSYS ? -EOPNOTSUPP
										    : err;
}
