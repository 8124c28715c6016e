/* Other programs, and what /proc says of them. Used from the test's main thread. */
#include "tests/support/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/must.h"

static void child(const char *const argv[], const char *log, int in, int out)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (log) {
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		if (fd < 0 || dup2(fd, 2) < 0)
			_exit(126);
	}
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
		_exit(126);
	execv(argv[0], (char *const *)argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

void process_start(struct process *process, const char *const argv[], const char *log)
{
	int in[2], out[2];

	must(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC), "pipe");
	process->pid = fork();
	must(process->pid >= 0, "fork");
	if (!process->pid)
		child(argv, log, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	process->in = in[1];
	process->out = out[0];
}

bool process_line(struct process *process, char *line, size_t size)
{
	size_t n = 0;
	ssize_t got;
	char c;

	for (;;) {
		got = read(process->out, &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || c == '\n')
			break;
		if (n + 1 < size)
			line[n++] = c;
	}
	line[n] = 0;
	return got > 0 || n;
}

void process_close_stdin(struct process *process)
{
	if (process->in >= 0)
		close(process->in);
	process->in = -1;
}

int process_wait(struct process *process)
{
	int status;

	process_close_stdin(process);
	while (waitpid(process->pid, &status, 0) < 0)
		must(errno == EINTR, "waitpid");
	close(process->out);
	process->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int process_run(const char *const argv[], char *out, size_t size)
{
	struct process process;
	char rest[4096];
	size_t n = 0;
	ssize_t got;

	process_start(&process, argv, NULL);
	process_close_stdin(&process);
	do {
		bool room = out && n + 1 < size;

		got = read(process.out, room ? out + n : rest, room ? size - 1 - n : sizeof(rest));
		if (got > 0 && room)
			n += got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (out)
		out[n] = 0;
	return process_wait(&process);
}

static unsigned count_entries(pid_t pid, const char *what)
{
	char path[64];
	struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	dir = opendir(path);
	must(dir, "%s", path);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

unsigned process_fds(pid_t pid)
{
	/* Our own count holds the descriptor that counts. */
	return count_entries(pid, "fd") - (pid == getpid());
}

unsigned process_threads(pid_t pid)
{
	return count_entries(pid, "task");
}

unsigned long process_ticks(pid_t pid)
{
	unsigned long user, system;
	char path[64], line[1024];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	must(f && fgets(line, sizeof(line), f), "%s", path);
	fclose(f);
	/* utime and stime are fields 14 and 15; field 2 ends with the last parenthesis. */
	must(sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		    &user, &system) == 2,
	     "%s", line);
	return user + system;
}

/* The sum of a function over the threads of a process. */
static unsigned long sum_over_threads(pid_t pid, unsigned long (*of)(const char *status))
{
	unsigned long n = 0;
	struct dirent *entry;
	char path[300];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	must(dir, "%s", path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", pid, entry->d_name);
		n += of(path);
	}
	closedir(dir);
	return n;
}

static unsigned long switches_of(const char *status)
{
	unsigned long n = 0;
	char line[256];
	FILE *f = fopen(status, "re");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "voluntary_ctxt_switches: %lu", &n);
	if (f)
		fclose(f);
	return n;
}

unsigned long process_switches(pid_t pid)
{
	return sum_over_threads(pid, switches_of);
}

static unsigned long is_server(const char *status)
{
	char line[256] = "";
	FILE *f = fopen(status, "re");

	if (!f)
		return 0;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return !strncmp(line, "Name:\tusrbio-", 13);
}

unsigned process_server_threads(pid_t pid)
{
	return sum_over_threads(pid, is_server);
}

static unsigned long runs(const char *status)
{
	char line[256], state = 'T';
	FILE *f = fopen(status, "re");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "State: %c", &state);
	if (f)
		fclose(f);
	return state != 'T';
}

void process_stop(pid_t pid)
{
	must(!kill(pid, SIGSTOP), "kill");
	while (sum_over_threads(pid, runs))
		nap_ms(1);
}

void nap_ms(unsigned ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}
