/* The size of a server. No state; the starting thread. */
#include "server/program/sizing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdbool.h>
#include <unistd.h>

#include "common/base/log.h"
#include "server/program/server.h"
#include "server/store/store.h"

#define MIB ((uint64_t)1 << 20)

/* Program, libraries and stacks: 4 MiB resident with two workers, and much is left for malloc. */
#define SERVER_BYTES (16 * MIB)
/* A worker with an idle domain of tcp has 1 MiB, half of it in the kernel. */
#define WORKER_BYTES  (2 * MIB)
#define CLIENTS_BYTES (16 * MIB) /* less is of no use to clients */
/* A thread for calls: its stacks in the program and in the kernel, and its arena of malloc. */
#define CALL_THREAD_BYTES  (128u << 10)
#define CALL_THREADS_LEAST 2
#define TASKS_SHARE	   4 /* this part of the group's threads is for calls */
#define STAGING_LEAST	   4 /* MiB; less would make large I/O slow */
#define KERNEL_SHARE	   8 /* this part of a control group's limit is the kernel's */
#define KERNEL_LEAST	   (8 * MIB)

void sizing_look(const char *root, struct sizing_host *host)
{
	struct group_memory group;
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	group_memory(root, &group);
	host->memory = group.max;
	host->memory_left = group.left.value;
	if (all <= group.max.value)
		host->memory = (struct group_limit){.value = all};
	group_cpus(root, &host->cpus);
	group_tasks(root, &host->tasks);
}

static uint64_t least_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_grouped(const struct sizing_host *host)
{
	return host->memory.by[0];
}

static uint64_t own_bytes(unsigned nr_workers, unsigned staging_mib)
{
	return SERVER_BYTES + nr_workers * (WORKER_BYTES + staging_mib * MIB);
}

/* The memory of all memory: exports. */
static uint64_t stores_bytes(const struct server_config *config, uint64_t memory)
{
	uint64_t sum = 0;
	bool shared = false;

	for (unsigned i = 0; i < config->nr_exports; i++) {
		uint64_t bytes = store_memory_bytes(config->exports[i].where);

		if (bytes == STORE_MEMORY_SHARED)
			shared = true;
		else
			sum = bytes > UINT64_MAX - sum ? UINT64_MAX : sum + bytes;
	}
	return shared ? sum + least_of(memory / STORE_MEMORY_SHARE, UINT64_MAX - sum) : sum;
}

/* What server and clients may have at most. The machine's own memory is not guarded. */
static uint64_t usable_bytes(const struct server_config *config, const struct sizing_host *host)
{
	uint64_t max = host->memory.value, kernel = max / KERNEL_SHARE, stores;

	if (!is_grouped(host))
		return UINT64_MAX;
	if (kernel < KERNEL_LEAST)
		kernel = KERNEL_LEAST;
	stores = stores_bytes(config, max);
	max -= least_of(max, kernel);
	return max - least_of(max, stores);
}

/* Decide the limit, and the part of it that workers may take if the options do not say. */
static uint64_t decide_max(const struct server_config *config, const struct sizing_host *host,
			   uint64_t usable, struct sizing *sizing)
{
	const uint64_t asked = config->memory_mib * MIB;

	sizing->max = asked ? asked : host->memory.value / 2;
	if (asked && asked > usable)
		log_warn("--memory %u is more than the control group allows: it is %" PRIu64
			 " MiB now, because %s says %" PRIu64 " MiB",
			 config->memory_mib, usable / MIB, host->memory.by,
			 host->memory.value / MIB);
	sizing->max = least_of(sizing->max, usable);
	if (asked && asked <= usable)
		snprintf(sizing->max_by, sizeof(sizing->max_by), "--memory");
	else if (is_grouped(host))
		snprintf(sizing->max_by, sizeof(sizing->max_by), "by %s", host->memory.by);
	else
		snprintf(sizing->max_by, sizeof(sizing->max_by), "half of the machine's");
	if (asked)
		return sizing->max - least_of(sizing->max, CLIENTS_BYTES);
	return sizing->max / 2;
}

/* Decide the workers, with at most `room` for them and the server; fewer, then smaller ones. */
static void decide_workers(const struct server_config *config, const struct sizing_host *host,
			   uint64_t room, struct sizing *sizing)
{
	unsigned staging = config->staging_mib ? config->staging_mib : STAGING_LEAST;
	uint64_t nr =
		config->nr_workers ? config->nr_workers : least_of(host->cpus.value, WORKERS_MAX);

	room -= least_of(room, SERVER_BYTES);
	if (!config->nr_workers)
		nr = least_of(nr, room / (WORKER_BYTES + staging * MIB));
	if (!nr)
		nr = 1;
	sizing->nr_workers = (unsigned)nr;
	room /= nr;
	if (!config->staging_mib && room > WORKER_BYTES + staging * MIB)
		staging = (unsigned)least_of((room - WORKER_BYTES) / MIB, SERVER_STAGING_MIB);
	sizing->staging_mib = staging;
}

/* Decide the threads for calls: fewer if there are many exports in a small control group. */
static unsigned decide_call_threads(const struct server_config *config,
				    const struct sizing_host *host)
{
	const unsigned pools = 2 * (config->nr_exports ? config->nr_exports : 1);
	uint64_t most = SERVER_CALL_THREADS;

	if (config->call_threads)
		return config->call_threads;
	if (is_grouped(host))
		most = least_of(most, SERVER_BYTES / 2 / CALL_THREAD_BYTES / pools);
	if (host->tasks.value != GROUP_NO_LIMIT)
		most = least_of(most, host->tasks.value / TASKS_SHARE / pools);
	return most < CALL_THREADS_LEAST ? CALL_THREADS_LEAST : (unsigned)most;
}

/* Say that the least does not fit, and what to do. */
static void refuse(const struct server_config *config, const struct sizing_host *host,
		   const struct sizing *sizing, uint64_t usable)
{
	const uint64_t least = sizing->own + CLIENTS_BYTES;
	uint64_t each = WORKER_BYTES + sizing->staging_mib * MIB;
	uint64_t fit = usable - least_of(usable, SERVER_BYTES + CLIENTS_BYTES);
	char way_out[64] = "raise that limit";

	if (config->memory_mib && config->memory_mib * MIB <= usable) {
		log_error("--memory %u is too little: %u workers with --staging %u need %" PRIu64
			  " MiB; raise it, or lower --workers or --staging",
			  config->memory_mib, sizing->nr_workers, sizing->staging_mib, least / MIB);
		return;
	}
	if (fit / each)
		snprintf(way_out, sizeof(way_out), "use --workers %" PRIu64 ", or raise that limit",
			 fit / each);
	log_error("%u workers with --staging %u need %" PRIu64
		  " MiB, and the control group leaves %" PRIu64
		  " for them, because %s says %" PRIu64 " MiB: %s",
		  sizing->nr_workers, sizing->staging_mib, least / MIB, usable / MIB,
		  host->memory.by, host->memory.value / MIB, way_out);
}

/* Check that what the server takes at once is there: the kernel would end it otherwise. */
static int check_left(const struct sizing_host *host, const struct sizing *sizing)
{
	if (!is_grouped(host) || sizing->own <= host->memory_left)
		return 0;
	log_error("the server needs %" PRIu64 " MiB at once, and others in its control group have "
		  "left %" PRIu64 " of the %" PRIu64 " MiB that %s says",
		  sizing->own / MIB, host->memory_left / MIB, host->memory.value / MIB,
		  host->memory.by);
	return -ENOMEM;
}

static const char *workers_by(const struct server_config *config, const struct sizing_host *host,
			      const struct sizing *sizing)
{
	if (config->nr_workers)
		return "--workers";
	if (sizing->nr_workers < least_of(host->cpus.value, WORKERS_MAX))
		return "by that limit";
	return host->cpus.by[0] ? host->cpus.by : "one for each CPU";
}

int sizing_decide(const struct server_config *config, const struct sizing_host *host,
		  struct sizing *sizing)
{
	const uint64_t usable = usable_bytes(config, host);
	uint64_t room = decide_max(config, host, usable, sizing), least;

	decide_workers(config, host, room, sizing);
	sizing->call_threads = decide_call_threads(config, host);
	sizing->own = own_bytes(sizing->nr_workers, sizing->staging_mib);
	least = sizing->own + CLIENTS_BYTES;
	if (!config->memory_mib && least > sizing->max)
		sizing->max = least_of(least, usable);
	if (least > sizing->max) {
		refuse(config, host, sizing, usable);
		return -ENOMEM;
	}
	log_info(
		"%zu MiB of memory at most (%s), %zu of them for the server itself: %u workers (%s) "
		"with %u MiB of staging each",
		sizing->max >> 20, sizing->max_by, sizing->own >> 20, sizing->nr_workers,
		workers_by(config, host, sizing), sizing->staging_mib);
	return check_left(host, sizing);
}
