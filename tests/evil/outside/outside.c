/*
 * An evil server against the tool and the library: see outside.h.
 *
 * usage: evil_outside [--keep] [CASE...]       --keep: the sandboxes, and say where they are
 *
 * After each case: nothing outside of the target has changed, no mode is more than it may be, the
 * exit status says whether data is missing, no byte on standard error steers a terminal, the
 * process stayed small, and it ended by itself. Prints RESULT outside-CASE ok|FAILED for each, and
 * RESULT outside cases= escapes=
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/must.h"
#include "tests/evil/outside/outside.h"

#define LANES	4
#define HANG_S	120 /* every wait has a limit below this */
#define RSS_KIB (320 << 10)

static const struct outside_case *const tables[] = {outside_names,   outside_kinds,   outside_data,
						    outside_answers, outside_library, NULL};
static char parent[200];
static char **chosen;
static unsigned nr_cases, nr_escapes;

static void redirect(const char *name, int to)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(fd >= 0 && dup2(fd, to) == to, "%s", name);
	close(fd);
}

/* In a process of its own: becomes the command, or plays the library's part. */
static void run(const struct outside_case *c, const char *url)
{
	char command[1024];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(022);
	redirect("../../stdout", 1);
	redirect("../../stderr", 2);
	alarm(HANG_S);
	if (c->play)
		_exit(c->play(url) ? 3 : 0);
	setenv("T", OUTSIDE_TOOL, 0); /* another one, by hand */
	setenv("U", url, 1);
	unsetenv("USRBIO_LOG");
	snprintf(command, sizeof(command),
		 c->terminal ? "exec script -qec \"%s\" /dev/null" : "exec %s", c->run);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

static const char *check_end(const struct outside_case *c, int status, const struct rusage *usage)
{
	static char text[80];
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

	snprintf(text, sizeof(text), "status %d", code);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return "it does not end";
	if (c->play)
		return code ? text : NULL;
	if (code > 1 || (c->verdict == WELL && code) || (c->verdict == FAILS && !code))
		return text;
#ifndef __SANITIZE_ADDRESS__
	if (usage->ru_maxrss > RSS_KIB) {
		snprintf(text, sizeof(text), "%ld MiB of memory", usage->ru_maxrss >> 10);
		return text;
	}
#endif
	return NULL;
}

static void complain(const struct outside_case *c, const char *what, unsigned *n)
{
	if (!what)
		return;
	printf("outside: %s: %s\n", c->name, what);
	++*n;
}

/* A sanitizer of the tool's or the library's, whatever the exit status. */
static const char *check_reports(void)
{
	static char line[300];
	FILE *f = fopen("../../stderr", "re");
	bool seen = false;

	while (f && !seen && fgets(line, sizeof(line), f))
		seen = strstr(line, "Sanitizer: ") || strstr(line, "runtime error: ");
	if (f)
		fclose(f);
	return seen ? line : NULL;
}

static void show(const char *path)
{
	char line[300];
	FILE *f = fopen(path, "re");

	for (int i = 0; f && i < 6 && fgets(line, sizeof(line), f); i++)
		printf("    %s", line);
	if (f)
		fclose(f);
}

/* A case in a process of its own: how many escapes. */
static unsigned play(const struct outside_case *c)
{
	struct mock *mock = calloc(1, sizeof(*mock));
	struct rusage usage;
	struct sandbox box;
	unsigned n = 0;
	char url[100];
	int status;
	pid_t pid;

	must(mock, "memory");
	sandbox_make(&box, parent, c->name);
	mock->lie = c->lie;
	mock->arg = c->arg;
	mock->number = c->number;
	mock_start(mock);
	if (c->build)
		c->build(mock, c);
	snprintf(url, sizeof(url), "%s?timeout=%u", mock->url, c->timeout_s ? c->timeout_s : 5);
	fflush(stdout);
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid)
		run(c, url);
	mock_serve(mock);
	must(wait4(pid, &status, 0, &usage) == pid, "wait4");
	pthread_mutex_lock(&mock->lock);
	if ((c->lie.call && !mock->nr_calls) || (c->lie.io && !mock->nr_ios))
		complain(c, "the lie has never been told", &n);
	complain(c, check_end(c, status, &usage), &n);
	complain(c, check_reports(), &n);
	complain(c, steering("../../stderr", false), &n);
	if (c->terminal)
		complain(c, steering("../../stdout", true), &n);
	complain(c, mock->nr_writes_away ? "what nobody asked to change at the server" : NULL, &n);
	complain(c, atomic_load(&mock->nr_escapes) ? "the server was given what is not its" : NULL,
		 &n);
	complain(c, c->check ? c->check(mock) : NULL, &n);
	complain(c, sandbox_check(&box), &n);
	if (n)
		show("../../stderr");
	printf("RESULT outside-%s %s\n", c->name, n ? "FAILED" : "ok");
	fflush(stdout);
	return n;
}

static bool is_chosen(const char *name)
{
	if (!*chosen)
		return true;
	for (char **arg = chosen; *arg; arg++)
		if (!strcmp(*arg, name))
			return true;
	return false;
}

static void wait_for_one(void)
{
	int status;

	must(wait(&status) > 0, "wait");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		nr_escapes++;
}

static void start(const struct outside_case *c)
{
	pid_t pid;

	if (++nr_cases > LANES)
		wait_for_one();
	fflush(stdout);
	pid = fork();
	must(pid >= 0, "fork");
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(play(c) ? 1 : 0);
}

/* By a program that knows how to remove what is nested too deep for a path. */
static void remove_all(void)
{
	pid_t pid = fork();

	if (!pid) {
		execlp("rm", "rm", "-rf", parent, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	bool keep = argc > 1 && !strcmp(argv[1], "--keep");

	chosen = argv + 1 + keep;
	snprintf(parent, sizeof(parent), "%s/outside.XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(parent), "%s", parent);
	for (int t = 0; tables[t]; t++)
		for (const struct outside_case *c = tables[t]; c->name; c++)
			if (is_chosen(c->name))
				start(c);
	for (unsigned left = nr_cases < LANES ? nr_cases : LANES; left; left--)
		wait_for_one();
	if (keep)
		printf("outside: kept in %s\n", parent);
	else
		remove_all();
	printf("RESULT outside cases=%u escapes=%u\n", nr_cases, nr_escapes);
	return nr_escapes || !nr_cases;
}
