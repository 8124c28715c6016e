/*
 * The server as a part of its client: one directory over the loop transport, small and quick to
 * start. Owned by the session that started it; ended on a thread of its own, because I/O under way
 * may take its time and the library's progress thread must not wait for it.
 */
#include "common/inprocess.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "server/program/server.h"

/* The server behind the name that the library knows it by. */
static struct server *server_of(struct inprocess *server)
{
	return (struct server *)server;
}

static int start(const char *dir, bool read_only, const char *name, struct server **server)
{
	char where[PATH_MAX + 8];
	struct export_config export = {
		.name = INPROCESS_EXPORT,
		.where = where,
		.read_only = read_only,
		.unlocked = true,
	};
	struct listen_config listen = {.scheme = "loop"};
	struct server_config config = {
		.exports = &export,
		.nr_exports = 1,
		.listens = &listen,
		.nr_listens = 1,
		.nr_workers = 1,
		.staging_mib = 1,
		.keepalive_ms = SERVER_OFF, /* both ends are one process */
	};

	snprintf(where, sizeof(where), "posix:%s", dir);
	snprintf(listen.host, sizeof(listen.host), "%s", name);
	return server_start(&config, server);
}

int inprocess_start(const char *dir, bool read_only, const char *name, struct inprocess **out)
{
	sigset_t all, before;
	struct server *server;
	int err;

	/* Signals are for the program's own threads, and SIGXFSZ becomes -EFBIG. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = start(dir, read_only, name, &server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		*out = (struct inprocess *)server;
	return err;
}

static void *stop(void *server)
{
	server_stop(server);
	return NULL;
}

void inprocess_stop(struct inprocess *server)
{
	pthread_t thread;

	if (!server)
		return;
	/* The caller's signals are blocked, as the progress thread's are; so are the new thread's.
	 */
	if (pthread_create(&thread, NULL, stop, server_of(server)))
		server_stop(server_of(server));
	else
		pthread_detach(thread);
}
