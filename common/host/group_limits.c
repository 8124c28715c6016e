/*
 * The limits of control groups. This code has no state and owns nothing. Any thread may call it.
 */
#include "common/host/group.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/text.h"

#define CPUS_MAX 65536

/* Keep the smaller limit. */
static void narrow(struct group_limit *limit, uint64_t value, const char *dir, const char *name)
{
	if (value >= limit->value)
		return;
	limit->value = value;
	/* A long name of a group loses its end, not the name of the file. */
	snprintf(limit->by, sizeof(limit->by), "%.*s/%s",
		 (int)(sizeof(limit->by) - strlen(name) - 2), dir, name);
	text_mask(limit->by, strlen(limit->by));
}

static void start(struct group_limit *limit)
{
	*limit = (struct group_limit){.value = GROUP_NO_LIMIT};
}

/* Take a limit of memory into account, and what it leaves beside the `usage` that it counts. */
static void take_limit(struct group_memory *memory, const char *dir, bool v2, const char *name,
		       uint64_t max, const char *usage)
{
	char stat[GROUP_TEXT_MAX] = "";
	uint64_t used, kernel;

	if (max >= GROUP_V1_NO_LIMIT)
		return;
	narrow(&memory->max, max, dir, name);
	if (!group_read_number(dir, usage, &used))
		return;
	group_read(dir, "memory.stat", stat, sizeof(stat));
	if (v2 || !group_read_number(dir, GROUP_KERNEL_FILE, &kernel))
		kernel = 0;
	narrow(&memory->left, group_left(max, used, kernel, stat, v2), dir, name);
}

static void take_memory(struct group_memory *memory, const char *dir, bool v2, const char *name,
			const char *usage)
{
	uint64_t max;

	if (group_read_number(dir, name, &max))
		take_limit(memory, dir, v2, name, max, usage);
}

/* Take the limits of groups above the top of a container, which version 1 gives only here. */
static void take_hierarchical(struct group_memory *memory, const char *dir)
{
	char text[GROUP_TEXT_MAX];
	uint64_t max;

	if (!group_read(dir, "memory.stat", text, sizeof(text)))
		return;
	max = group_stat_value(text, "hierarchical_memory_limit");
	if (max && max < memory->max.value)
		take_limit(memory, dir, false, "memory.stat", max, "memory.usage_in_bytes");
}

static void look_at_memory(const struct group_look *look, const char *dir, bool v2)
{
	struct group_memory *memory = look->result;

	if (v2) {
		take_memory(memory, dir, v2, "memory.max", "memory.current");
		take_memory(memory, dir, v2, "memory.high", "memory.current");
		return;
	}
	take_memory(memory, dir, v2, "memory.limit_in_bytes", "memory.usage_in_bytes");
	take_memory(memory, dir, v2, "memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes");
	take_hierarchical(memory, dir);
}

void group_memory(const char *root, struct group_memory *memory)
{
	const struct group_look look = {look_at_memory, memory};

	start(&memory->max);
	start(&memory->left);
	group_look(root, "memory", &look);
	if (memory->left.value > memory->max.value)
		memory->left = memory->max;
}

/* Read quota and period, in microseconds. False: there is no quota. */
static bool read_quota(const char *dir, bool v2, uint64_t *quota, uint64_t *period)
{
	const char *end;
	char text[64];

	if (!v2)
		return group_read_number(dir, "cpu.cfs_quota_us", quota) &&
		       group_read_number(dir, "cpu.cfs_period_us", period);
	return group_read(dir, "cpu.max", text, sizeof(text)) && group_parse(text, &end, quota) &&
	       *end == ' ' && group_parse(end + 1, &end, period);
}

static void look_at_cpus(const struct group_look *look, const char *dir, bool v2)
{
	uint64_t quota, period, cpus;

	if (!read_quota(dir, v2, &quota, &period) || !period)
		return;
	cpus = quota / period + !!(quota % period);
	narrow(look->result, cpus ? cpus : 1, dir, v2 ? "cpu.max" : "cpu.cfs_quota_us");
}

/* Count the CPUs that this thread may run on. The kernel wants room for all that there are. */
static uint64_t own_cpus(void)
{
	long nr = 0;

	for (size_t max = 1024; max <= CPUS_MAX && !nr; max *= 2) {
		cpu_set_t *set = CPU_ALLOC(max);

		if (set && !sched_getaffinity(0, CPU_ALLOC_SIZE(max), set))
			nr = CPU_COUNT_S(CPU_ALLOC_SIZE(max), set);
		CPU_FREE(set);
	}
	if (nr < 1)
		nr = sysconf(_SC_NPROCESSORS_ONLN);
	return nr < 1 ? 1 : (uint64_t)nr;
}

void group_cpus(const char *root, struct group_limit *cpus)
{
	const struct group_look look = {look_at_cpus, cpus};

	start(cpus);
	cpus->value = own_cpus();
	group_look(root, "cpu", &look);
}

static void look_at_tasks(const struct group_look *look, const char *dir, bool v2)
{
	uint64_t max;

	(void)v2;
	if (group_read_number(dir, "pids.max", &max))
		narrow(look->result, max, dir, "pids.max");
}

void group_tasks(const char *root, struct group_limit *tasks)
{
	const struct group_look look = {look_at_tasks, tasks};

	start(tasks);
	group_look(root, "pids", &look);
}
