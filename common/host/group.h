/*
 * What the control groups (cgroups, versions 1 and 2) of this process allow it: memory, CPUs,
 * threads. The group of the process counts, and so does each group above it that can be seen.
 * Each call reads the limits again, because a process may be moved and a limit may be changed. Any
 * thread may call these functions.
 *
 * Every function takes `root`, which stands before /proc and /sys/fs/cgroup: "" for the machine's
 * own, a directory with made-up files for tests. A file that is missing, cannot be read, or has a
 * text that is not understood sets no limit.
 */
#ifndef USRBIO_COMMON_HOST_GROUP_H
#define USRBIO_COMMON_HOST_GROUP_H

#include <stdbool.h>
#include <stddef.h>
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
	 * so do caches of the kernel that it can shrink. Version 2 names these. In version 1 they
	 * are what the kernel has beyond an eighth of the limit.
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

/*
 * A gauge of memory: the files of the limits, kept open, for a process that cannot open them later
 * because of its sandbox. Its owner opens and closes it; in between any thread may read it.
 */
#define GROUP_GAUGE_MAX 8 /* limits */
struct group_gauge {
	unsigned nr; /* 0: there is no limit */
	struct {
		int max, used, stat, kernel; /* descriptors; the last only of version 1 */
		bool v2;
	} limit[GROUP_GAUGE_MAX];
};

/* Open the files of all limits that there are now. */
void group_gauge_open(const char *root, struct group_gauge *gauge);
void group_gauge_close(struct group_gauge *gauge);
/*
 * Return what the limits leave, as group_memory() does, and the smallest limit in *max. Both are
 * GROUP_NO_LIMIT if there is none.
 */
uint64_t group_gauge_left(const struct group_gauge *gauge, uint64_t *max);

/* For the files of this object: what they look at groups with. */
#define GROUP_TEXT_MAX	   4096 /* of a file; memory.stat has 1 to 3 KiB */
#define GROUP_KERNEL_FILE  "memory.kmem.usage_in_bytes"
#define GROUP_KERNEL_SHARE 8		       /* what the kernel needs: this part of a limit */
#define GROUP_V1_NO_LIMIT  ((uint64_t)1 << 62) /* version 1 has a number near 2^63 for it */

struct group_look {
	/* Look at one group. `v2`: its files have the names of version 2. */
	void (*at)(const struct group_look *look, const char *dir, bool v2);
	void *result;
};

/* Look at each group of the process that a controller may limit. */
void group_look(const char *root, const char *controller, const struct group_look *look);
/* Read a file of a group as a string; false if it cannot be read or is empty. */
bool group_read(const char *dir, const char *name, char *text, size_t room);
/* Read a file that holds one number. */
bool group_read_number(const char *dir, const char *name, uint64_t *number);
/*
 * Parse the number at the beginning of a text; what follows is left in *end. False for any other
 * text: "max" and "-1" are no limits. A number beyond the largest is the largest.
 */
bool group_parse(const char *text, const char **end, uint64_t *number);
/* Return the number after a word that begins a line; 0 if there is none. */
uint64_t group_stat_value(const char *text, const char *word);
/*
 * Return what a limit leaves. `kernel`: the kernel's part of what is used, in version 1; `stat`:
 * the text of memory.stat.
 */
uint64_t group_left(uint64_t max, uint64_t used, uint64_t kernel, const char *stat, bool v2);

#endif
