/* Where a file with holes has data: looked up some dozens of extents at a time. */
#ifndef USRBIO_TOOL_EXTENTS_H
#define USRBIO_TOOL_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/tool/fs/fs.h"

struct extent {
	uint64_t off, end;
};

#define NR_EXTENTS 64

struct extents {
	struct extent list[NR_EXTENTS];
	unsigned n, next; /* next: the first one that is not copied */
	uint64_t pos;	  /* data before it has been looked for */
	uint64_t size;	  /* when it is complete: of the file */
	bool complete;
};

/* Does a file have holes worth looking for? */
bool extents_expected(const struct usrbio_stat *st);
/* Fill the list again. 0; -EOPNOTSUPP: this file system cannot tell; -errno. */
int extents_fill(struct extents *extents, const struct fs *fs, int fd);

/* NULL: no holes. */
static inline bool extents_complete(const struct extents *extents)
{
	return !extents || (extents->complete && extents->next == extents->n);
}

static inline bool extents_wanted(const struct extents *extents)
{
	return extents && !extents->complete && extents->next == extents->n;
}

#endif
