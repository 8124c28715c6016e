/*
 * The part of a server that all its workers share. server_start() fills it in before the first
 * thread begins. From then on every thread reads it, and only fields whose comment or type says so
 * change.
 */
#ifndef USRBIO_SERVER_WORKER_SERVER_IMPL_H
#define USRBIO_SERVER_WORKER_SERVER_IMPL_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/auth/secret.h"
#include "common/host/group.h"
#include "common/transport/addr.h"
#include "common/transport/transport.h"
#include "server/base/budget.h"
#include "server/session/export.h"

#define WORKERS_MAX   256
#define SERVER_BY_MAX (GROUP_BY_MAX + 32)
#define PROVIDERS_MAX 4 /* transport providers in one server */

struct keyring;
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
	struct state *state; /* NULL: there is no state directory */
	struct sessions *sessions;
	uint64_t boot_id;	  /* a random number, new at every start */
	struct keyring *keyring;  /* NULL: every client may do everything */
	struct tp_tls_config tls; /* how listeners on tls:// find keys of the keyring */
	struct secret nobodys;	  /* random; Challenges for unknown keys are made with it */
	struct secret names;	  /* the key that seals persistent names */
	struct budget budget;
	struct budget_id unknown;      /* connections that have not said yet who they are */
	size_t own_bytes;	       /* of memory, which the server takes beside the budget */
	char memory_by[SERVER_BY_MAX]; /* what decided the maximum of both, for messages */
	unsigned staging_mib;	       /* of each worker */
	unsigned call_threads;	       /* of each export, and as many for closing */
	atomic_ullong refused_ns;      /* of the last log line about refused clients; any worker */
	unsigned max_connections;
	uint32_t max_inflight, max_files;
	uint64_t hello_ns, stall_ns;
	uint64_t keepalive_ns; /* 0: off */
	struct server_provider providers[PROVIDERS_MAX];
	unsigned nr_providers;
	struct listeners *listeners; /* in the first worker's domains */
	sem_t listeners_closed;	     /* the first worker posts it when it has closed them */
	sem_t idle;		     /* a stopping worker posts it without connections */
	uint64_t stop_ns;	     /* how long server_stop() may take */
	/* How far server_stop() has come, which may be called again; only its caller uses them. */
	bool stopping, stopped; /* the workers have been told to end; their threads have ended */
	bool hung_named;	/* the log says what hangs */
	unsigned nr_idle;	/* workers that posted `idle` */
	struct worker **workers;
	unsigned nr_workers;
};

#endif
