/*
 * The in-process server: it serves one directory over the loop transport, and is small and quick to
 * start. The client session that started it owns it. A thread of its own ends it, because I/O under
 * way may take long and the library's progress thread must not wait for it.
 */
#include "common/inprocess.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "server/program/server.h"

/* Get the server behind the opaque type that the library uses. */
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

	/*
	 * The server's threads inherit that all signals are blocked. Signals are for the program's
	 * own threads, and a write beyond the file size limit fails with -EFBIG instead of SIGXFSZ.
	 */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = start(dir, read_only, name, &server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		*out = (struct inprocess *)server;
	return err;
}

/*
 * Stop the server, however long its file system hangs. Then this thread and those of the server
 * stay, and the program goes on without them. They are gone when the file system answers.
 */
static void *stop(void *server)
{
	while (server_stop(server))
		;
	return NULL;
}

void inprocess_stop(struct inprocess *server)
{
	pthread_t thread;

	if (!server)
		return;
	/*
	 * The caller is the progress thread, whose signals are blocked. The new thread inherits
	 * that.
	 */
	if (pthread_create(&thread, NULL, stop, server_of(server)))
		server_stop(server_of(server)); /* if it hangs, this thread leaves it behind */
	else
		pthread_detach(thread);
}
