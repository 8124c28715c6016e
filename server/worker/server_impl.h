/*
 * What all workers of a server share. Its program fills it in before the first thread begins; from
 * then on every thread reads it, and only what says so changes.
 */
#ifndef USRBIO_SERVER_WORKER_SERVER_IMPL_H
#define USRBIO_SERVER_WORKER_SERVER_IMPL_H

#include <semaphore.h>
#include <stdint.h>

#include "common/auth/secret.h"
#include "common/transport/addr.h"
#include "common/transport/transport.h"
#include "server/base/budget.h"
#include "server/session/export.h"

#define WORKERS_MAX   256
#define PROVIDERS_MAX 4 /* of transports in one server */

struct keyring;
struct job_threads;
struct listeners;
struct sessions;
struct worker;

/* A transport provider in use, and its first listener's address as a URL, for messages. */
struct server_provider {
	const struct tp_ops *ops;
	char listener[ADDR_TEXT_MAX + 16];
};

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
	uint64_t keepalive_ns; /* 0: off */
	struct server_provider providers[PROVIDERS_MAX];
	unsigned nr_providers;
	struct listeners *listeners; /* in the first worker's domains */
	sem_t listeners_closed;	     /* the first worker has closed them */
	sem_t idle;		     /* one for each worker that has stopped */
	struct worker **workers;
	unsigned nr_workers;
};

#endif
