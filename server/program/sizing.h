/*
 * How large a server is: its memory, workers and staging buffers. What the options leave open
 * follows from what the server has: the machine's memory and CPUs, or the part of them that its
 * control groups allow.
 */
#ifndef USRBIO_SERVER_PROGRAM_SIZING_H
#define USRBIO_SERVER_PROGRAM_SIZING_H

#include <stddef.h>
#include <stdint.h>

#include "common/host/group.h"
#include "server/worker/server_impl.h"

struct server_config;

/* What a server has. */
struct sizing_host {
	struct group_limit memory; /* in bytes; `by` is "" for the machine's */
	uint64_t memory_left;	   /* of it at this moment, GROUP_NO_LIMIT: unknown */
	struct group_limit cpus;   /* `by` is "" for those that it may run on */
	struct group_limit tasks;  /* threads and processes */
};

struct sizing {
	unsigned nr_workers;
	unsigned staging_mib;	    /* of each worker */
	unsigned call_threads;	    /* of each export: for calls, and as many for closing */
	size_t max;		    /* what the server and its clients may take, in bytes */
	size_t own;		    /* of it, what the server takes before the first client comes */
	char max_by[SERVER_BY_MAX]; /* what decides `max`, for messages */
};

/* Look at the machine and the control groups; `root` as in common/host/group.h. */
void sizing_look(const char *root, struct sizing_host *host);

/*
 * Decide what the options leave open, and log what decided. 0, or -ENOMEM after a line in the log:
 * it does not fit.
 *
 * In a control group with a limit, an eighth of the limit (at least 8 MiB) stays for what is not
 * counted in `max`: the kernel's memory for sockets, inodes and page tables, and a little page
 * cache. So do the sizes of memory: exports. The counted part has
 *   16 MiB       program, libraries, stacks, small allocations; half of it for threads for calls
 *   per worker   2 MiB (stack, io_uring, tables) and the staging buffers, which are registered
 *   per client   its connections with TLS and its open files, when they come
 */
int sizing_decide(const struct server_config *config, const struct sizing_host *host,
		  struct sizing *sizing);

#endif
