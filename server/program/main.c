/*
 * The program usrbio-server: it reads the options, starts the server, waits for signals and stops
 * the server. The process owns the options and the server. The main thread runs this and nothing
 * else.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/base/identity.h"
#include "server/manager/kept.h"
#include "server/manager/notify.h"
#include "server/program/options.h"

#define EXIT_USAGE 2
#define EXIT_HUNG  3 /* a file system hangs, and the kernel may still do what was begun there */

#define DESCRIPTORS_OTHERS 4096 /* at most, for connections and the server itself */

/* Block the signals in every thread, so that the main thread can wait for them. */
static void block_signals(sigset_t *ending)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write beyond the file size limit fails with -EFBIG instead */
	sigemptyset(ending);
	sigaddset(ending, SIGTERM);
	sigaddset(ending, SIGINT);
	sigaddset(ending, SIGHUP);
	sigaddset(ending, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, ending, NULL);
}

/*
 * Raise the limit of descriptors. A file that a client has open takes one or two descriptors of the
 * server, and the default limit is low. Returns how many files it is good for, beside connections
 * and the server's own; 0: no limit is known.
 */
static unsigned allow_descriptors(void)
{
	struct rlimit limit;
	rlim_t others;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= UINT_MAX)
		return 0;
	others = limit.rlim_cur / 4 < DESCRIPTORS_OTHERS ? limit.rlim_cur / 4 : DESCRIPTORS_OTHERS;
	return (unsigned)(limit.rlim_cur - others);
}

static void announce(const struct server *server)
{
	const char *url;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned i = 0; (url = server_address(server, i)); i++)
		printf("listening on %s\n", url);
	puts("ready");
	notify_send("READY=1\nSTATUS=Listening on %s", server_address(server, 0));
}

static void reload(struct server *server, bool has_keyring)
{
	int err;

	notify_send("RELOADING=1");
	err = server_reload_keys(server);
	notify_send("READY=1\nSTATUS=%s", !has_keyring ? "There is no keyring to read again"
					  : err	       ? "The keyring is the old one: see the log"
						       : "The keyring has been read again");
}

static int confine_required(const struct server_config *config)
{
	return sandbox_enter(config, true);
}

static int confine(const struct server_config *config)
{
	int err = sandbox_enter(config, false);

	return err == -EOPNOTSUPP ? 0 : err;
}

/*
 * End the program beside a file system that hangs. A thread that hangs there keeps the descriptors
 * of the process open until the kernel lets it go. So the listeners, connections and devices are
 * closed here. The locks of exports stay: they tell the next server that I/O may still be done.
 */
static void abandon(void)
{
	struct rlimit limit = {.rlim_cur = 1024};
	struct stat st;

	notify_send("STATUS=Ending, though a file system hangs");
	getrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = STDERR_FILENO + 1; fd < (int)limit.rlim_cur; fd++)
		if (!fstat(fd, &st) && (S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode)))
			close(fd);
	_exit(EXIT_HUNG);
}

int main(int argc, char **argv)
{
	static struct options options;
	struct server *server;
	sigset_t ending;
	int status = options_parse(&options, argc, argv, stdout, stderr), sig = 0, err;

	if (status)
		return status < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	block_signals(&ending);
	options.config.max_open = allow_descriptors();
	/*
	 * This comes before the first thread. The kernel refuses descriptors of rdma_cm that were
	 * opened before a thread changed its credentials.
	 */
	identity_forgo_set_id();
	umask(0); /* a client asks for the mode that the file is to get */
	notify_open();
	if (options.config.state) /* without a state no client can prove what is its own */
		kept_open();
	if (options.sandbox != SANDBOX_OFF)
		options.config.opened =
			options.sandbox == SANDBOX_REQUIRED ? confine_required : confine;
	err = server_start(&options.config, &server);
	if (err) {
		if (err == -ENOMEM) /* most functions return this error without a log line */
			log_error("not enough memory to start");
		return EXIT_FAILURE;
	}
	kept_start((options.config.session_ms ? options.config.session_ms : SERVER_SESSION_MS) *
		   NS_PER_MS);
	server_restart_report(server);
	announce(server);
	while (!(err = sigwait(&ending, &sig)) && (sig == SIGHUP || sig == SIGUSR1))
		if (sig == SIGHUP)
			reload(server, options.config.keyring);
		else if (sig == SIGUSR1)
			server_dump(server);
	if (err)
		log_error("cannot wait for signals, so the server stops: %s", strerror(err));
	/* A second signal ends the program without waiting for the clients. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &ending, NULL);
	kept_leave();
	notify_send("STOPPING=1\nSTATUS=Finishing what is under way");
	if (server_stop(server))
		abandon();
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
