/*
 * What the control groups (cgroups, versions 1 and 2) of this process allow it: memory, CPUs,
 * threads. The group of the process counts, and so does each group above it that can be seen. The
 * Each call reads the limits again, because a process may be moved and a limit may be changed. Any
 * thread may call these functions.
 *
 * Every function takes `root`, which stands before /proc and /sys/fs/cgroup: "" for the machine's
 * own, a directory with made-up files for tests. A file that is missing, cannot be read, or has a
 * text that is not understood sets no limit.
 */
#ifndef USRBIO_COMMON_HOST_GROUP_H
#define USRBIO_COMMON_HOST_GROUP_H

#include <stdint.h>

#define GROUP_NO_LIMIT UINT64_MAX
#define GROUP_BY_MAX   256

struct group_limit {
	uint64_t value;	       /* GROUP_NO_LIMIT: none */
	char by[GROUP_BY_MAX]; /* the file that sets it, fit for a log line; "": none does */
};

struct group_memory {
	/* The smallest limit, in bytes. */
	struct group_limit max;
	/*
	 * The least that a limit leaves, in bytes: the limit minus what its group uses now. All
	 * that the group cannot do without counts as used: anonymous memory, shared memory and
	 * tmpfs, memory that is pinned or registered, and the kernel's memory for the group. Page
	 * cache of files counts as free, because the kernel takes it back before it ends a process;
	 * so do caches of the kernel that it can shrink, in version 2, which names them.
	 */
	struct group_limit left;
};

/*
 * Read the limits of memory: memory.max and memory.high of version 2, memory.limit_in_bytes and
 * memory.memsw.limit_in_bytes of version 1. Beyond memory.high a process is slowed down until it
 * hardly runs, so that it counts as a limit. Swap does not count, because the buffers of a server
 * must not be swapped out.
 */
void group_memory(const char *root, struct group_memory *memory);

/*
 * Return the number of CPUs in `cpus`, at least 1 and never GROUP_NO_LIMIT: those that the process
 * may run on (affinity, cpusets), or fewer if a quota (cpu.max of version 2, cpu.cfs_quota_us of
 * version 1) allows less. A part of a CPU counts as one. `by` is "" if no quota decides.
 */
void group_cpus(const char *root, struct group_limit *cpus);

/* Read the smallest limit of threads and processes, pids.max of both versions. */
void group_tasks(const char *root, struct group_limit *tasks);

#endif
