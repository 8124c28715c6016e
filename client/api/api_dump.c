/*
 * The state dump of this process, by a call and on a signal. Mounts are held while their state is
 * read. The text is collected under locks and written without any. Any thread may call usrbio_dump.
 * On a signal, the progress thread makes the dump. The process owns the state.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/cancel.h"
#include "client/base/dump.h"
#include "client/base/progress.h"
#include "client/calls/request.h"
#include "client/conn/conn.h"
#include "client/conn/conn_dump.h"
#include "client/memory/region_dump.h"
#include "client/mount/mount.h"
#include "client/ring/send/dispatch.h"
#include "client/session/session.h"
#include "client/session/session_dump.h"
#include "client/usrbio.h"
#include "common/base/fork.h"
#include "common/base/log.h"

#define PATIENCE_MS 1000 /* how long the progress thread waits for standard error */

static void dump_conn(const struct session *session, struct conn *conn, struct dump *dump)
{
	uint64_t now;

	if (!conn_dump_lock(conn)) {
		dump_line(dump, "connection %u: busy: its lock was not free for %d ms", conn->index,
			  DUMP_LOCK_MS);
		return;
	}
	now = now_ns();
	conn_dump_to(conn, dump, now);
	dispatch_dump_to(conn, dump, now);
	request_dump_to(conn, dump, now);
	region_dump_announced(session, conn, dump);
	conn_unlock(conn);
}

static void dump_mount(struct mount *mount, bool first, void *arg)
{
	struct session *session = mount_to_session(mount);
	struct dump *dump = arg;

	if (!first) {
		dump_line(dump, "mount %s: another name of %s", mount_spec(mount)->mount_point,
			  session->spec->mount_point);
		return;
	}
	dump_line(dump, "mount %s: %u connections, timeout %u ms", mount_spec(mount)->mount_point,
		  session->nr_conns, session->spec->timeout_ms);
	session_dump_to(session, dump, now_ns());
	region_dump_to(session, dump);
	for (unsigned i = 0; i < session->nr_conns; i++)
		dump_conn(session, session->conns[i], dump);
}

static int dump_all(int fd, int patience_ms)
{
	struct dump dump = {0};

	dump_line(&dump, "usrbio %s, process %d, %s", USRBIO_VERSION, getpid(),
		  program_invocation_short_name);
	if (!mount_each(dump_mount, &dump))
		dump_line(&dump, "mounts: busy: their lock was not free for %d ms", DUMP_LOCK_MS);
	dump_line(&dump, "end");
	return dump_write(&dump, fd, patience_ms);
}

int usrbio_dump(int fd)
{
	NOT_CANCELLED;

	return dump_all(fd, -1);
}

static struct {
	struct task task;
	atomic_bool asked;
} on_signal;

static uint64_t poll(struct task *task, uint64_t now, int *fd)
{
	if (atomic_exchange(&on_signal.asked, false))
		dump_all(STDERR_FILENO, PATIENCE_MS);
	return NEVER;
}

/* Ask for a dump, by calls that are safe in a signal handler: atomic operations and write(2). */
static void handle(int sig)
{
	int before = errno;

	atomic_store(&on_signal.asked, true);
	progress_wake(0);
	errno = before;
}

/* Parse "USR1", "SIGUSR1" or "10". Returns the signal's number; 0: it cannot cause a dump. */
static int parse_signal(const char *text)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
	char *end;
	long sig;

	if (!strncmp(text, "SIG", 3))
		text += 3;
	if (!strcmp(text, "USR1"))
		return SIGUSR1;
	if (!strcmp(text, "USR2"))
		return SIGUSR2;
	sig = strtol(text, &end, 10);
	if (end == text || *end || sig < 1 || sig > SIGRTMAX)
		return 0;
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (sig == faults[i])
			return 0;
	return (int)sig;
}

static void install(int sig, const char *name)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART}, before;

	sigemptyset(&action.sa_mask);
	if (sigaction(sig, NULL, &before)) {
		log_warn("USRBIO_DUMP_SIGNAL=%s: %s", name, strerror(errno));
		return;
	}
	if (!(before.sa_flags & SA_SIGINFO) && before.sa_handler == handle)
		return; /* the parent process has installed it before fork() */
	if (before.sa_flags & SA_SIGINFO || before.sa_handler != SIG_DFL)
		log_warn("USRBIO_DUMP_SIGNAL=%s: the program handles or ignores this signal "
			 "itself, so that it causes no state dump",
			 name);
	else if (sigaction(sig, &action, NULL))
		log_warn("USRBIO_DUMP_SIGNAL=%s: %s", name, strerror(errno));
}

/* Install the signal handler if USRBIO_DUMP_SIGNAL is set. Called after the first mount is made. */
static void begin(void)
{
	const char *name = secure_getenv("USRBIO_DUMP_SIGNAL");
	int sig, err;

	if (!name || !*name)
		return;
	sig = parse_signal(name);
	if (!sig) {
		log_warn("USRBIO_DUMP_SIGNAL=%s: not USR1, USR2 or the number of a signal that can "
			 "be handled",
			 name);
		return;
	}
	err = progress_add(&on_signal.task);
	if (err)
		log_warn("USRBIO_DUMP_SIGNAL=%s: no thread: %s", name, strerror(-err));
	else
		install(sig, name);
}

static void reset(void)
{
	on_signal.task.poll = poll;
	list_init(&on_signal.task.link);
	atomic_store(&on_signal.asked, false);
}

static void __attribute__((constructor)) use_mounts(void)
{
	reset();
	fork_watch(reset);
	mount_on_first(begin);
}
