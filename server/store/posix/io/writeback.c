/*
 * Writeback in a control group. A write leaves its data in the page cache, and the kernel writes it
 * to disk later. In a group with a limit of memory, the threads of io_uring may fill the group with
 * such data: the kernel slows down other threads then, but not these, and ends the process when no
 * page can be evicted. So the store has the kernel begin to write at once when much was written.
 * The process owns the state. Any thread.
 */
#include "common/base/clock.h"
#include "common/host/group.h"
#include "server/store/posix/posix.h"

/*
 * This part of the limit may be written in each window without it. After 35 s the kernel writes by
 * itself (vm.dirty_expire_centisecs, vm.dirty_writeback_centisecs), so that at most twice as much
 * waits at any time: the eighth of the limit that the server leaves to the kernel.
 */
#define SHARE	  16
#define WINDOW_NS (40 * NS_PER_S)

static _Atomic uint64_t allowance; /* bytes in each window; 0: no limit */
static _Atomic uint64_t since_ns, written;

void posix_writeback_init(const char *root)
{
	struct group_memory group;

	group_memory(root, &group);
	atomic_store(&allowance, group.max.value == GROUP_NO_LIMIT ? 0 : group.max.value / SHARE);
}

bool posix_writeback_wanted(uint64_t len)
{
	uint64_t max = atomic_load_explicit(&allowance, memory_order_relaxed), now, since;

	if (!max)
		return false;
	now = now_ns();
	since = atomic_load(&since_ns);
	if (now - since > WINDOW_NS && atomic_compare_exchange_strong(&since_ns, &since, now))
		atomic_store(&written, 0);
	return atomic_fetch_add(&written, len) + len > max;
}
