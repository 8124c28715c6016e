/*
 * The extents of a file with holes, which are the parts that have data. Up to NR_EXTENTS are found
 * at a time. A file that is copied owns them, under copy.lock.
 */
#ifndef USRBIO_TOOL_EXTENTS_H
#define USRBIO_TOOL_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/tool/fs/fs.h"

struct extent {
	uint64_t off, end; /* bytes from the start of the file; end is behind the last byte */
};

#define NR_EXTENTS 64

struct extents {
	struct extent list[NR_EXTENTS];
	unsigned n, next; /* next: the first extent that is not cut into pieces yet */
	uint64_t pos;	  /* the offset up to which extents have been found */
	uint64_t size;	  /* of the file in bytes; valid if complete */
	bool complete;	  /* the file has no extents behind those in the list */
};

/* True if a file uses so few blocks that finding its holes saves time. */
bool extents_expected(const struct usrbio_stat *st);
/*
 * Fill the list with the next extents; all in it must have been used. 0; -EOPNOTSUPP: the file
 * system cannot find holes; or another -errno.
 */
int extents_fill(struct extents *extents, const struct fs *fs, int fd);

/* True if all extents of the file have been used, or it has no list (NULL). */
static inline bool extents_complete(const struct extents *extents)
{
	return !extents || (extents->complete && extents->next == extents->n);
}

/* True if the list has to be filled again. Accepts NULL. */
static inline bool extents_wanted(const struct extents *extents)
{
	return extents && !extents->complete && extents->next == extents->n;
}

#endif
