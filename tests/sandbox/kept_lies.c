/*
 * Service managers that return something else than they got, have no room, or keep what nobody
 * wants any more: what a client then gets, and what stays out of its reach.
 */
#include "tests/sandbox/kept_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/support/must.h"

static const struct kept_kind user = {"user-kept", {.uid = USER, .max = MANAGED_MAX}, false, false};
static int fds[2], behind[2]; /* those of the client, and the test's own */

static void nothing(int fd, const char *name)
{
}

/* Two files of a server that is killed. They are removed, and still open. */
static void begin(struct process *server, unsigned max)
{
	static const struct kept_case two[] = {{"a", false, 0644, nothing, 0, 0},
					       {"b", false, 0644, nothing, 0, 0}};
	const struct managed_start how = {.uid = USER, .max = max};

	kind = &user;
	make_export();
	start_with(server, &how);
	for (int i = 0; i < 2; i++) {
		fds[i] = open_case(&two[i], &behind[i]);
		remove_it(fds[i], two[i].name);
	}
	kill_server(server);
}

static void end(struct process *server)
{
	for (int i = 0; i < 2; i++) {
		usrbio_close(fds[i]);
		close(behind[i]);
	}
	stop_server(server);
	remove_export();
}

static void put_in_place(unsigned i, int fd)
{
	must(fd >= 0, "a descriptor");
	close(managed[i].fd);
	managed[i].fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	close(fd);
}

/* What a manager may return in the place of a file, and what the client then gets. */
static void lies(void)
{
	struct process server;
	struct stat st;
	int secret = open(path_of("secret", ""), O_CREAT | O_RDWR, 0666), ends[2];

	must(secret >= 0 && write(secret, "secret", 6) == 6, "secret");
	for (unsigned lie = 0; lie < 5; lie++) {
		char proc[64];

		begin(&server, MANAGED_MAX);
		must(nr_managed == 2 && !pipe2(ends, O_CLOEXEC), "two");
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", managed[0].fd);
		if (lie == 0)
			put_in_place(0, dup(secret));
		else if (lie == 1) /* the same file, for reading alone */
			put_in_place(0, open(proc, O_RDONLY | O_CLOEXEC));
		else if (lie == 2)
			put_in_place(0, dup(ends[1]));
		else if (lie == 3) /* no access at all */
			put_in_place(0, open(proc, O_PATH | O_CLOEXEC));
		else /* each in the place of the other */
			memcpy(managed[0].name, managed[1].name, MANAGED_NAME);
		start(&server);
		must(use(fds[0], behind[0], 78) == -ESTALE, "lie %u", lie);
		must(use(fds[1], behind[1], 77) == (lie == 4 ? -ESTALE : 0), "lie %u", lie);
		must(!fstat(secret, &st) && st.st_size == 6, "the secret was reached");
		must(logged("passed another file"), "the log of lie %u", lie);
		close(ends[0]);
		close(ends[1]);
		end(&server);
	}
	close(secret);
	puts("RESULT kept-lies ok lies=5");
}

/* Descriptors for somebody else, and names that no server gives. */
static void strangers(void)
{
	const struct managed_start wrong_pid = {.uid = USER, .max = MANAGED_MAX, .wrong_pid = true};
	static const char *const names[] = {"",
					    "stored",
					    "usrbio-",
					    "usrbio-0-0",
					    "usrbio-00000000000000AA-00000000000000bb",
					    "usrbio-0000000000000001-0000000000000002x"};
	struct process server;

	begin(&server, MANAGED_MAX);
	start_with(&server, &wrong_pid);
	must(use(fds[0], behind[0], 5) == -ESTALE, "a descriptor for another process was used");
	end(&server);
	begin(&server, MANAGED_MAX);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		managed[nr_managed].fd = fcntl(managed[0].fd, F_DUPFD_CLOEXEC, 0);
		strcpy(managed[nr_managed++].name, names[i]);
	}
	start(&server);
	must(!use(fds[0], behind[0], 5) && !use(fds[1], behind[1], 6), "beside strangers");
	must(logged("which this server has not left"), "the log");
	end(&server);
	puts("RESULT kept-strangers ok");
}

/* A server that has lost the key of the seals does not know whose the files are. */
static void unproved(void)
{
	struct process server;

	begin(&server, MANAGED_MAX);
	must(!unlink(path_of("state", "names.key")), "names.key");
	start(&server);
	for (int i = 0; i < 2; i++)
		must(use(fds[i], behind[i], 5) == -ESTALE, "a file of nobody was given away");
	end(&server);
	puts("RESULT kept-unproved ok");
}

/* The manager keeps one descriptor, and the client has two files. */
static void bounded(void)
{
	struct process server;

	begin(&server, 1);
	must(nr_managed == 1, "%u", nr_managed);
	must(logged("keeps 1 descriptors and no more"), "the log");
	start(&server);
	must(!use(fds[0], behind[0], 5) && use(fds[1], behind[1], 5) == -ESTALE, "one of two");
	end(&server);
	puts("RESULT kept-bounded ok");
}

/* No client comes for the files: after the time of a session they are closed. */
static void forgotten(void)
{
	struct process server;

	begin(&server, MANAGED_MAX);
	for (int i = 0; i < 2; i++)
		usrbio_close(fds[i]);
	must(nr_managed == 2, "%u", nr_managed);
	session_time = "--session-time=1";
	start(&server);
	wait_for_none();
	must(logged("no client came for 2 files"), "the log");
	fds[0] = fds[1] = -1;
	end(&server);
	puts("RESULT kept-forgotten ok");
}

void kept_lies(void)
{
	lies();
	strangers();
	unproved();
	bounded();
	forgotten();
}
