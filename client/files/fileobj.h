/* The parts of a file that only file.c and file_table.c use. Any thread. */
#ifndef USRBIO_CLIENT_FILES_FILEOBJ_H
#define USRBIO_CLIENT_FILES_FILEOBJ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/files/file.h"
#include "client/files/fd_table.h"

struct fileobj {
	struct file file;
	atomic_uint refs;     /* 0: on the free list */
	uint64_t placeholder; /* inode of its placeholder descriptor; constant once published */
	struct fileobj *next; /* on the free list, under its lock */
};

static inline struct fileobj *fileobj_of(struct file *file)
{
	return (struct fileobj *)((char *)file - offsetof(struct fileobj, file));
}

/* Take a reference to an object that may have ended. False: it has. */
static inline bool fileobj_try(struct fileobj *obj)
{
	unsigned refs = atomic_load_explicit(&obj->refs, memory_order_relaxed);

	while (refs && !atomic_compare_exchange_weak(&obj->refs, &refs, refs + 1))
		;
	return refs;
}

/* Return the file in a slot, with a reference of the caller's own. NULL: the slot is empty. */
struct file *file_of_slot(struct fd_slot *slot);

#endif
