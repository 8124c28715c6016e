/* The server behind server.h. Fixed from start to stop, and so read by every thread. */
#ifndef USRBIO_SERVER_PROGRAM_SERVER_IMPL_H
#define USRBIO_SERVER_PROGRAM_SERVER_IMPL_H

#include <semaphore.h>
#include <stdint.h>

#include "common/auth/secret.h"
#include "server/base/budget.h"
#include "server/session/export.h"
#include "server/loop/listener.h"
#include "server/program/server.h"

struct keyring;
struct job_threads;
struct sessions;
struct worker;

struct server {
	struct exports exports;
	struct job_threads *pool;
	struct sessions *sessions;
	uint64_t boot_id;	  /* drawn at every start */
	struct keyring *keyring;  /* NULL: everybody may do everything */
	struct tp_tls_config tls; /* the keyring's, for what listens on tls:// */
	struct secret nobodys;	  /* drawn at every start: what unknown keys are answered with */
	struct budget budget;
	uint64_t refused_ns; /* when the log last said so of somebody. The first worker's */
	unsigned max_connections;
	uint32_t max_inflight, max_files;
	uint64_t hello_ns, stall_ns;
	uint64_t keepalive_ns;	    /* 0: off */
	struct listeners listeners; /* in the first worker's domains */
	sem_t listeners_closed;	    /* the first worker has closed them */
	sem_t idle;		    /* one for each worker that has stopped */
	struct worker **workers;
	unsigned nr_workers;
};

#endif
