/*
 * Runs a program that is refused each path that matches a pattern: paths ERRNO PATTERN PROG ARGS.
 * The kernel asks this program about each system call that opens or looks at a path (seccomp with
 * notifications), so it needs no rights. The pattern is compared with the text of the argument.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_ROOM 4096

/* The calls with a path, and which of their arguments it is. */
static const struct {
	int number, at;
} calls[] = {
#ifdef SYS_open
	{SYS_open, 0},	    {SYS_stat, 0},	 {SYS_lstat, 0},      {SYS_access, 0},
	{SYS_readlink, 0},
#endif
	{SYS_openat, 1},    {SYS_openat2, 1},	 {SYS_newfstatat, 1}, {SYS_statx, 1},
	{SYS_faccessat, 1}, {SYS_faccessat2, 1}, {SYS_readlinkat, 1}, {SYS_statfs, 0},
};
#define NR_CALLS (sizeof(calls) / sizeof(*calls))

static void die(const char *what)
{
	perror(what);
	_exit(98);
}

/* Install the filter, and return the descriptor on which the kernel asks. */
static int listen_to_calls(void)
{
	struct sock_filter filter[2 * NR_CALLS + 2];
	struct sock_fprog program = {.filter = filter};
	long fd;

	filter[program.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							     offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < NR_CALLS; i++) {
		filter[program.len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i].number, 0, 1);
		filter[program.len++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	filter[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("paths: no new privileges");
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		     &program);
	if (fd < 0)
		die("paths: seccomp");
	return (int)fd;
}

static void send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	if (sendmsg(socket, &msg, 0) != 1)
		die("paths: sendmsg");
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(socket, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		die("paths: recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* Read the path that a call names. False: it cannot be read. */
static int read_path(const struct seccomp_notif *call, char path[PATH_ROOM])
{
	char mem[64];
	ssize_t got = -1;
	int fd, at = 0;

	for (size_t i = 0; i < NR_CALLS; i++)
		if (calls[i].number == call->data.nr)
			at = calls[i].at;
	snprintf(mem, sizeof(mem), "/proc/%u/mem", call->pid);
	fd = open(mem, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = pread(fd, path, PATH_ROOM - 1, (off_t)call->data.args[at]);
		close(fd);
	}
	path[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static void answer(int fd, const char *pattern, int error)
{
	struct seccomp_notif call = {0};
	struct seccomp_notif_resp response = {0};
	char path[PATH_ROOM];

	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &call))
		return; /* the caller has been killed */
	response.id = call.id;
	if (read_path(&call, path) && !fnmatch(pattern, path, 0))
		response.error = -error;
	else
		response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static pid_t child;

static void pass_on(int sig)
{
	kill(child, sig);
}

/*
 * Answer the kernel until nobody uses the filter any more. The child is reaped as soon as it ends:
 * kernels before 6.11 count it as a user of the filter until then. Returns its status.
 */
static int serve(int fd, const char *pattern, int error)
{
	struct pollfd p[] = {{.fd = fd, .events = POLLIN},
			     {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN}};
	int status = 0;

	if (p[1].fd < 0)
		die("paths: pidfd_open");
	while (p[1].fd >= 0 || !p[0].revents || p[0].revents & POLLIN) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents & POLLIN)
			answer(fd, pattern, error);
		if (p[1].revents) {
			if (waitpid(child, &status, 0) != child)
				die("paths: waitpid");
			close(p[1].fd);
			p[1] = (struct pollfd){.fd = -1}; /* which poll() ignores */
		}
	}
	return status;
}

int main(int argc, char **argv)
{
	int ends[2], fd, status;

	if (argc < 4)
		return 2;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		die("paths: socketpair");
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		send_fd(ends[1], listen_to_calls());
		execv(argv[3], argv + 3);
		die(argv[3]);
	}
	signal(SIGTERM, pass_on);
	fd = receive_fd(ends[0]);
	status = serve(fd, argv[2], atoi(argv[1]));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
