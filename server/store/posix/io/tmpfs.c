/*
 * Room for tmpfs in a control group. What is written to a tmpfs is memory of the group of the
 * writer, and cannot be evicted: without a limit of its own it grows until the kernel ends the
 * server. So a write that needs new pages is refused before. The store owns the state. Any thread.
 */
#include <unistd.h>

#include "server/store/posix/posix.h"

/*
 * Three eighths of the limit are left for what else grows: a quarter for clients, which is what the
 * budget of the server leaves to them by default, and an eighth for the kernel.
 */
#define KEEP_OF(limit) ((limit) / 8 * 3)
/* This part of the room is given away before the files of the group are read again. */
#define CREDIT 4

static bool take_credit(struct posix_store *store, uint64_t len)
{
	uint64_t credit = atomic_load_explicit(&store->credit, memory_order_relaxed);

	do
		if (credit < len)
			return false;
	while (!atomic_compare_exchange_weak(&store->credit, &credit, credit - len));
	return true;
}

/* True if the range has pages already, so that a write needs none. */
static bool is_allocated(int fd, uint64_t off, uint64_t len)
{
	off_t hole = lseek(fd, (off_t)off, SEEK_HOLE);

	return hole >= 0 && (uint64_t)hole >= off + len;
}

bool posix_tmpfs_has_room(struct posix_store *store, int fd, uint64_t off, uint64_t len)
{
	uint64_t max, left;

	if (!store->gauge.nr || take_credit(store, len))
		return true;
	left = group_gauge_left(&store->gauge, &max);
	if (left == GROUP_NO_LIMIT)
		return true;
	if (left > KEEP_OF(max) && left - KEEP_OF(max) >= len) {
		atomic_store(&store->credit, (left - KEEP_OF(max) - len) / CREDIT);
		return true;
	}
	return is_allocated(fd, off, len);
}
