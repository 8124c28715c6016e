/*
 * slowfs: a file system that is a directory, except for what rules say.
 *
 * usage: slowfs BACKING MOUNT_POINT SOCKET
 *        slowfs --to SOCKET COMMAND...
 *
 * The first form mounts BACKING at MOUNT_POINT, prints "ready", and takes commands at SOCKET until
 * somebody unmounts it, its starter dies, or it receives SIGTERM. Then everything that hangs ends
 * with an error, and there is no mount any more. It must be root.
 * SOCKET is a path, or @NAME for an abstract one.
 * The second form sends one command, prints the answer, and ends with 0 if it begins with "ok".
 *
 *   rule OPS PATTERN ACTION [count N]  add a rule before the others: "ok ID". OPS: "mkdir,open" or
 *                      "any", see rules.c; PATTERN: of fnmatch(3), for paths below MOUNT_POINT;
 *                      ACTION: hang, delay MS, fail ERRNO, or pass, which only counts
 *   release ID [N]     let the oldest N operations that the rule hangs, or all, go on: "ok NUMBER"
 *   drop ID            remove the rule, and let what it hangs go on; 0: all rules
 *   state ID           "ok HUNG MATCHED": how many operations hang there, how many have come
 *   wait ID N          answer when N operations hang there
 *   wait-matched ID N  answer when N operations have come
 */
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 14)
#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/slowfs/control.h"
#include "tests/support/slowfs/passthrough.h"
#include "tests/support/slowfs/rules.h"

#define THREADS_MAX 16384

/* The supervisor's end of a pipe to its child, which ends when this is closed. */
static int lifeline;

static int fail(const char *what, int err)
{
	fprintf(stderr, "slowfs: %s: %s\n", what, strerror(err));
	return 1;
}

/* One command to a running slowfs. */
static int send_command(const char *path, char **words)
{
	int fd = control_connect(path);
	char line[1024];
	FILE *file;

	if (fd < 0)
		return fail(path, -fd);
	for (; *words; words++)
		dprintf(fd, "%s%s", *words, words[1] ? " " : "\n");
	file = fdopen(fd, "r");
	if (!file || !fgets(line, sizeof(line), file))
		return fail(path, ECONNRESET);
	fputs(line, stdout);
	return strncmp(line, "ok", 2) != 0;
}

/* The file system itself, in a child of the program. */

struct served {
	const char *mount_point;
	int supervisor; /* reports when the supervisor is gone or has closed its end */
};

/* The end of the process closes /dev/fuse, and what still hangs ends with an error. */
static void *await_supervisor(void *arg)
{
	struct served *served = arg;
	char byte;

	while (read(served->supervisor, &byte, 1) < 0 && errno == EINTR)
		;
	umount2(served->mount_point, MNT_DETACH);
	_exit(0);
}

static ssize_t read_request(int fd, void *buf, size_t len, void *arg)
{
	(void)arg;
	return read(fd, buf, len);
}

/*
 * The first answer is that to INIT. libfuse 3.14 cannot tell the kernel to look for several names
 * of a directory at a time, so that one that hangs would stop all others.
 */
static ssize_t write_answer(int fd, struct iovec *iov, int nr, void *arg)
{
	static atomic_bool begun;

	(void)arg;
	if (!atomic_exchange(&begun, true) && nr == 2 &&
	    iov[1].iov_len >= offsetof(struct fuse_init_out, max_background))
		((struct fuse_init_out *)iov[1].iov_base)->flags |= FUSE_PARALLEL_DIROPS;
	return writev(fd, iov, nr);
}

static int serve(struct served *served)
{
	static const struct fuse_custom_io io = {.read = read_request, .writev = write_answer};
	char name[] = "slowfs", option[] = "-o";
	char options[] = "fsname=slowfs,allow_other,default_permissions";
	char *argv[] = {name, option, options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	struct fuse_session *session =
		fuse_session_new(&args, &passthrough_ops, sizeof(passthrough_ops), NULL);
	pthread_t thread;

	if (!session || fuse_session_mount(session, served->mount_point) ||
	    fuse_session_custom_io(session, &io, fuse_session_fd(session)))
		return 1;
	fuse_loop_cfg_set_max_threads(config, THREADS_MAX);
	fuse_loop_cfg_set_clone_fd(config, 0);
	if (pthread_create(&thread, NULL, await_supervisor, served))
		return fail("thread", EAGAIN);
	puts("ready");
	fflush(stdout);
	fuse_session_loop_mt(session, config);
	umount2(served->mount_point, MNT_DETACH);
	return 0;
}

static void end(int sig)
{
	(void)sig;
	close(lifeline);
}

/* Wait for the child, and leave no mount whatever ended it. */
static int supervise(pid_t child, const char *mount_point)
{
	struct sigaction action = {.sa_handler = end, .sa_flags = SA_RESTART};
	int status = 0;

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status))
		umount2(mount_point, MNT_DETACH);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int run(const char *backing, const char *mount_point, const char *socket_path)
{
	struct rlimit files = {1 << 16, 1 << 16};
	struct served served = {.mount_point = mount_point};
	int ends[2], status;
	pid_t child;

	setrlimit(RLIMIT_NOFILE, &files);
	umask(0);
	status = passthrough_open(backing);
	if (status)
		return fail(backing, -status);
	if (pipe(ends))
		return fail("pipe", errno);
	child = fork();
	if (child < 0)
		return fail("fork", errno);
	if (child) {
		close(ends[0]);
		lifeline = ends[1];
		return supervise(child, mount_point);
	}
	close(ends[1]);
	setsid(); /* a terminal's signals are for the supervisor */
	served.supervisor = ends[0];
	status = control_listen(socket_path);
	if (status)
		_exit(fail(socket_path, -status));
	status = serve(&served);
	_exit(status);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc > 3 && !strcmp(argv[1], "--to"))
		return send_command(argv[2], argv + 3);
	if (argc == 4)
		return run(argv[1], argv[2], argv[3]);
	fputs("usage: slowfs BACKING MOUNT_POINT SOCKET | slowfs --to SOCKET COMMAND...\n", stderr);
	return 2;
}
