/* Programs on a terminal, and their standard error. No state. */
#include "tests/support/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/must.h"

/* Until the end, which a terminal tells by EIO. */
static void read_all(int fd, char *out, size_t size)
{
	char rest[4096];
	size_t n = 0;
	ssize_t got;

	do {
		bool room = n + 1 < size;

		got = read(fd, room ? out + n : rest, room ? size - 1 - n : sizeof(rest));
		if (got > 0 && room)
			n += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	out[n] = '\0';
	close(fd);
}

static int end_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		must(errno == EINTR, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void become(const char *const argv[])
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

int terminal_run(const char *const argv[], char *out, size_t size)
{
	int fd;
	pid_t pid = forkpty(&fd, NULL, NULL, NULL);

	must(pid >= 0, "forkpty");
	if (!pid)
		become(argv);
	read_all(fd, out, size);
	return end_of(pid);
}

int complaints_of(const char *const argv[], char *out, size_t size)
{
	int fds[2];
	pid_t pid;

	must(!pipe2(fds, O_CLOEXEC), "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		dup2(open("/dev/null", O_RDWR), 1);
		dup2(fds[1], 2);
		become(argv);
	}
	close(fds[1]);
	read_all(fds[0], out, size);
	return end_of(pid);
}
