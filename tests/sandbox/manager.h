/*
 * A service manager as systemd is one for descriptors: it receives messages at a notify socket,
 * keeps descriptors by their names, and starts a server with those that it has. The test may change
 * what it has. One for each process; the test's main thread calls these functions.
 */
#ifndef USRBIO_TESTS_SANDBOX_MANAGER_H
#define USRBIO_TESTS_SANDBOX_MANAGER_H

#include "tests/support/process.h"

enum { MANAGED_MAX = 64, MANAGED_NAME = 80 };

struct managed {
	char name[MANAGED_NAME];
	int fd;
};

/* How a server is started. */
struct managed_start {
	unsigned uid;	 /* of the server; 0: that of the test */
	bool no_handles; /* a filter refuses name_to_handle_at */
	bool wrong_pid;	 /* LISTEN_PID is that of another process */
	unsigned max;	 /* FDSTORE */
};

/* What it has, after manager_sync(). */
extern struct managed managed[MANAGED_MAX];
extern unsigned nr_managed;

/* Listen at this path, and set NOTIFY_SOCKET. */
void manager_start(const char *path);
/* Wait until it has done what was sent to it before. */
void manager_sync(void);
/* Forget all. */
void manager_clear(void);
/* Start a server with all that it has; argv as for process_start(). */
void manager_run(struct process *server, const struct managed_start *how, const char *const argv[],
		 const char *log);
/*
 * Become the server that manager_run() wants, if this process was started for that. The first
 * thing that main() does.
 */
void manager_main(int argc, char **argv);

#endif
