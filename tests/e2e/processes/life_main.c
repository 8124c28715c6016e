/*
 * A client whose process does what processes do: ends, forks, starts other programs.
 *
 *   e2e_life MOUNT busy URL        under load from several threads until it is killed; says the id
 *                                  of an iov when all are at it
 *   e2e_life MOUNT orphan URL      uses iov, ring and file, says the iov's id, forks, and waits to
 * be killed; the child says "left" when stdin ends e2e_life MOUNT end URL HOW     ends with status
 * 3 (HOW: return, exit, thread, _exit, quick) or by SIGABRT (abort), while threads wait and work;
 * what runs at exit uses the library and says so e2e_life MOUNT forkexit URL    a child calls exit,
 * handlers and all, under load e2e_life MOUNT start URL       starts programs in every way there
 * is, under load e2e_life - fds EXPECTED        status 0 if these are the open descriptors
 *
 * SIGABRT and a line for anything wrong.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/support/io.h"
#include "tests/e2e/support/load.h"
#include "tests/support/must.h"

enum { STATUS = 3, THREADS = 3, WAITERS = 2 };

extern char **environ;

static const char *mount;
static char fds_before[1024]; /* open before the library was used */

static struct {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;
} kit;

static void say(const char *text)
{
	must(write(1, text, strlen(text)) == (ssize_t)strlen(text), "stdout");
}

static void kit_open(const char *url)
{
	ring_make(&kit.ior, mount, true, 4);
	iov_make(&kit.iov, mount, 4096);
	kit.fd = file_reg(url, O_RDONLY);
}

static void kit_use(void)
{
	must(ring_io(&kit.ior, &kit.iov, kit.iov.base, kit.fd, 0, 4096) == 4096, "read");
}

/* The name of the iov, as others would find it. */
static void kit_tell(void)
{
	char hex[34];

	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", (uint8_t)kit.iov.id[i]);
	strcat(hex, "\n");
	say(hex);
}

static void until_stdin_ends(void)
{
	char c;

	while (read(0, &c, 1) > 0)
		;
}

/* Files of its own: there may be several of us. */
static struct load *be_busy(void)
{
	char name[32];

	snprintf(name, sizeof(name), "life.%d.", getpid());
	return load_start(mount, name, THREADS);
}

static int busy(char **args)
{
	kit_open(args[0]);
	be_busy();
	kit_tell();
	for (;;)
		kit_use();
	return 0;
}

static int orphan(char **args)
{
	kit_open(args[0]);
	kit_use();
	if (!fork()) {
		until_stdin_ends();
		say("left\n");
		_exit(0);
	}
	kit_tell();
	for (;;)
		pause();
	return 0;
}

/* ---- ends ---- */

static void at_exit(void)
{
	kit_use();
	say("at exit\n");
}

static void *wait_for_nothing(void *arg)
{
	struct hf3fs_ior *ior = arg;
	struct hf3fs_cqe cqe;

	hf3fs_wait_for_ios(ior, &cqe, 1, 1, NULL);
	must(false, "there was nothing to wait for");
	return NULL;
}

static void *exit_here(void *unused)
{
	exit(STATUS);
	return unused;
}

static int end(char **args)
{
	static struct hf3fs_ior idle[WAITERS];
	const char *how = args[1];
	pthread_t thread;

	kit_open(args[0]);
	atexit(at_exit);
	at_quick_exit(at_exit);
	for (int i = 0; i < WAITERS; i++) {
		ring_make(&idle[i], mount, true, 1);
		must(!pthread_create(&thread, NULL, wait_for_nothing, &idle[i]), "thread");
	}
	be_busy();
	if (!strcmp(how, "exit"))
		exit(STATUS);
	if (!strcmp(how, "_exit"))
		_exit(STATUS);
	if (!strcmp(how, "quick"))
		quick_exit(STATUS);
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "thread")) {
		must(!pthread_create(&thread, NULL, exit_here, NULL), "thread");
		pthread_join(thread, NULL);
	}
	return STATUS;
}

static bool is_child;

/* LeakSanitizer asks at exit. What is its parent's a child has forgotten, on purpose. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return is_child;
}

static void in_child_at_exit(void)
{
	struct hf3fs_cqe cqe;

	if (hf3fs_wait_for_ios(&kit.ior, &cqe, 1, 0, NULL) == -EINVAL)
		say("child at exit\n");
}

static int forkexit(char **args)
{
	struct load *load;
	int status;
	pid_t pid;

	kit_open(args[0]);
	atexit(in_child_at_exit);
	load = be_busy();
	pid = fork();
	if (!pid) {
		is_child = true;
		exit(STATUS);
	}
	must(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == STATUS, "%#x", status);
	load_await(load);
	load_stop(load);
	kit_use();
	return 0;
}

/* ---- other programs ---- */

/* "0 1 2", in order. */
static void list_fds(char *text, size_t size)
{
	DIR *dir = opendir("/proc/self/fd");
	bool open[1024] = {false};
	struct dirent *entry;

	must(dir, "/proc");
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir))
			open[atoi(entry->d_name) % 1024] = true;
	closedir(dir);
	*text = '\0';
	for (int fd = 0; fd < 1024; fd++)
		if (open[fd])
			snprintf(text + strlen(text), size - strlen(text), "%d ", fd);
}

static int fds(char **args)
{
	if (!strcmp(fds_before, args[0]))
		return 0;
	fprintf(stderr, "open descriptors: %s, not %s\n", fds_before, args[0]);
	return 1;
}

static int await(pid_t pid)
{
	int status;

	must(pid > 0 && waitpid(pid, &status, 0) == pid, "child");
	return status;
}

static int start(char **args)
{
	char self[512] = "", none[] = "-", which[] = "fds", command[2048];
	char *const argv[] = {self, none, which, fds_before, NULL};
	struct load *load;
	pid_t pid;
	FILE *f;

	kit_open(args[0]);
	load = be_busy();
	must(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0, "/proc");
	snprintf(command, sizeof(command), "%s - fds '%s'", self, fds_before);

	must(!posix_spawn(&pid, self, NULL, NULL, argv, environ) && !await(pid), "posix_spawn");
	pid = vfork();
	if (!pid) {
		execv(self, argv);
		_exit(127);
	}
	must(!await(pid), "vfork");
	pid = fork();
	if (!pid) {
		execv(self, argv);
		_exit(127);
	}
	must(!await(pid), "fork and exec");
	must(!system(command), "system");
	f = popen(command, "r");
	must(f && !pclose(f), "popen");
	load_await(load);
	load_stop(load);
	kit_use();
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int argc;
		int (*run)(char **args);
	} commands[] = {{"busy", 4, busy},	   {"orphan", 4, orphan}, {"end", 5, end},
			{"forkexit", 4, forkexit}, {"start", 4, start},	  {"fds", 4, fds}};

	list_fds(fds_before, sizeof(fds_before));
	mount = argc > 1 ? argv[1] : NULL;
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc > 2 && !strcmp(argv[2], commands[i].name) && argc == commands[i].argc)
			return commands[i].run(argv + 3);
	fprintf(stderr, "usage: see the head of life_main.c\n");
	return 64;
}
