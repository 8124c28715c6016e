/* The parts of a file that have data: found some dozens of extents at a time. */
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
	unsigned n, next; /* next: the first extent that is not copied */
	uint64_t pos;	  /* up to here data has been looked for */
	uint64_t size;	  /* of the file, when the list is complete */
	bool complete;
};

/* True if a file has holes that are worth finding. */
bool extents_expected(const struct usrbio_stat *st);
/* Fill the list again. 0; -EOPNOTSUPP: this file system cannot find holes; -errno. */
int extents_fill(struct extents *extents, const struct fs *fs, int fd);

/* True if the list has everything; NULL means a file without holes. */
static inline bool extents_complete(const struct extents *extents)
{
	return !extents || (extents->complete && extents->next == extents->n);
}

static inline bool extents_wanted(const struct extents *extents)
{
	return extents && !extents->complete && extents->next == extents->n;
}

#endif
