/*
 * The server's program with something planted in it: in place of mkdirat() it finds code that
 * reaches for what is outside, on a thread for calls, and in place of io_uring_enter's wrapper code
 * that does so through a worker's own ring. The errno it meets is the client's answer; 0 is success
 * of the attempt.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/store/evloop.h"
#include "tests/sandbox/plant.h"

int __real_mkdirat(int dir, const char *name, mode_t mode);
int __wrap_mkdirat(int dir, const char *name, mode_t mode);
int __real_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
					    unsigned nr, struct __kernel_timespec *ts,
					    sigset_t *mask);
int __wrap_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
					    unsigned nr, struct __kernel_timespec *ts,
					    sigset_t *mask);

/* A path below what a variable names. Each thread's until the next call. */
static const char *below(const char *variable, const char *name)
{
	static _Thread_local char path[512];

	snprintf(path, sizeof(path), "%s/%s", getenv(variable), name);
	return path;
}

/* 0 or -errno of a descriptor or -1. */
static int shut(int fd)
{
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int said(int result)
{
	return result < 0 ? -errno : 0;
}

static int try_open(void)
{
	return shut(open(getenv(PLANT_SECRET), O_RDONLY));
}

static int try_openat2(void)
{
	struct open_how how = {.flags = O_RDONLY};

	return shut((int)syscall(SYS_openat2, AT_FDCWD, getenv(PLANT_SECRET), &how, sizeof(how)));
}

static int try_magic(void)
{
	char path[512];

	snprintf(path, sizeof(path), "/proc/self/root%s", getenv(PLANT_SECRET));
	return shut(open(path, O_RDONLY));
}

static int try_symlink(void)
{
	int err = said(symlink(getenv(PLANT_SECRET), below(PLANT_EXPORT, "planted")));

	if (err)
		return err;
	err = shut(open(below(PLANT_EXPORT, "planted"), O_RDONLY));
	unlink(below(PLANT_EXPORT, "planted"));
	return err;
}

static int try_list(void)
{
	return shut(open(getenv(PLANT_OUTSIDE), O_RDONLY | O_DIRECTORY));
}

static int try_write(void)
{
	return shut(open(below(PLANT_OUTSIDE, "file"), O_WRONLY));
}

static int try_truncate(void)
{
	return said(truncate(below(PLANT_OUTSIDE, "file"), 1));
}

static int try_create(void)
{
	return shut(open(below(PLANT_OUTSIDE, "new"), O_WRONLY | O_CREAT, 0600));
}

static int try_unlink(void)
{
	return said(unlink(below(PLANT_OUTSIDE, "spare")));
}

static int try_rename_in(void)
{
	char from[512];

	strcpy(from, below(PLANT_OUTSIDE, "moving"));
	return said(rename(from, below(PLANT_EXPORT, "moved")));
}

static int try_link_in(void)
{
	char from[512];

	strcpy(from, below(PLANT_OUTSIDE, "file"));
	return said(link(from, below(PLANT_EXPORT, "linked")));
}

static int try_rename_out(void)
{
	char from[512];

	strcpy(from, below(PLANT_EXPORT, "leaving"));
	return said(rename(from, below(PLANT_OUTSIDE, "left")));
}

static int try_device(void)
{
	return said(mknod(below(PLANT_EXPORT, "device"), S_IFCHR | 0600, makedev(1, 3)));
}

static int start_program(const char *path)
{
	char *argv[] = {(char *)path, NULL}, *env[] = {NULL};
	pid_t pid;
	int err = posix_spawn(&pid, path, NULL, NULL, argv, env);

	if (!err)
		waitpid(pid, NULL, 0);
	return -err;
}

static int try_exec(void)
{
	return start_program("/bin/true");
}

/* What a client has put into the export. */
static int try_exec_inside(void)
{
	return start_program(below(PLANT_EXPORT, "program"));
}

static int try_connect(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	to.sin_port = htons((uint16_t)atoi(getenv(PLANT_PORT)));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	err = said(connect(fd, (struct sockaddr *)&to, sizeof(to)));
	close(fd);
	return err;
}

/* At a port that the server has nothing to do with, and nobody uses at this address. */
static int try_listen(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(7939)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x1234);
	err = said(bind(fd, (struct sockaddr *)&at, sizeof(at)));
	close(fd);
	return err;
}

static int try_abstract(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *name = getenv(PLANT_SOCKET);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	strncpy(to.sun_path + 1, name, sizeof(to.sun_path) - 2);
	err = said(connect(fd, (struct sockaddr *)&to,
			   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))));
	close(fd);
	return err;
}

static int try_signal(void)
{
	return said(kill(getppid(), 0));
}

static int try_trace(void)
{
	int err = said((int)ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));

	if (!err) {
		ptrace(PTRACE_INTERRUPT, getppid(), NULL, NULL); /* to be let go it has to stand */
		waitpid(getppid(), NULL, __WALL);
		ptrace(PTRACE_DETACH, getppid(), NULL, NULL);
	}
	return err;
}

/* By a ring that this code has made itself, which has no restrictions. */
static int try_own_ring(void)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int err = io_uring_queue_init(4, &ring, 0);

	if (err)
		return err;
	io_uring_prep_openat(io_uring_get_sqe(&ring), AT_FDCWD, getenv(PLANT_SECRET), O_RDONLY, 0);
	io_uring_submit(&ring);
	err = io_uring_wait_cqe(&ring, &cqe);
	if (!err)
		err = cqe->res < 0 ? cqe->res : shut(cqe->res);
	io_uring_queue_exit(&ring);
	return err;
}

/* What goes to a worker: a submission for its ring, or something to register with it. */
enum job { NOTHING, OPEN, OPEN2, CONNECT, UNLINK, PERSONALITY, UNDER_WAY, DONE };
static _Atomic enum job job;
static struct ev answer;

static void answered(struct ev *ev, int32_t res)
{
	ev->res = res < 0 ? res : 0;
	atomic_store(&job, DONE);
}

static void plant(struct io_uring *ring, enum job what)
{
	static struct open_how how = {.flags = O_RDONLY};
	struct io_uring_sqe *sqe;

	if (what == PERSONALITY) {
		answered(&answer, said((int)syscall(SYS_io_uring_register, ring->ring_fd,
						    IORING_REGISTER_PERSONALITY, NULL, 0)));
		return;
	}
	sqe = io_uring_get_sqe(ring);
	if (what == OPEN)
		io_uring_prep_openat(sqe, AT_FDCWD, getenv(PLANT_SECRET), O_RDONLY, 0);
	else if (what == OPEN2)
		io_uring_prep_openat2(sqe, AT_FDCWD, getenv(PLANT_SECRET), &how);
	else if (what == UNLINK)
		io_uring_prep_unlinkat(sqe, AT_FDCWD, below(PLANT_OUTSIDE, "spare2"), 0);
	else
		io_uring_prep_connect(sqe, 0, NULL, 0);
	answer.fn = answered;
	evloop_bind(sqe, &answer);
}

int __wrap_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
					    unsigned nr, struct __kernel_timespec *ts,
					    sigset_t *mask)
{
	enum job what = atomic_load(&job);

	if (what > NOTHING && what < UNDER_WAY &&
	    atomic_compare_exchange_strong(&job, &what, UNDER_WAY))
		plant(ring, what);
	return __real_io_uring_submit_and_wait_timeout(ring, cqe, nr, ts, mask);
}

/* Ask a worker, or, asked again, what came of it. -EBUSY: nothing yet. */
static int by_worker(enum job what)
{
	enum job none = NOTHING;

	if (atomic_compare_exchange_strong(&job, &none, what) || atomic_load(&job) != DONE)
		return -EBUSY;
	atomic_store(&job, NOTHING);
	return answer.res;
}

static int try_worker_open(void)
{
	return by_worker(OPEN);
}

static int try_worker_open2(void)
{
	return by_worker(OPEN2);
}

static int try_worker_connect(void)
{
	return by_worker(CONNECT);
}

static int try_worker_unlink(void)
{
	return by_worker(UNLINK);
}

static int try_worker_personality(void)
{
	return by_worker(PERSONALITY);
}

static const struct {
	const char *name;
	int (*run)(void);
} attempts[] = {
	{"open", try_open},
	{"openat2", try_openat2},
	{"magic", try_magic},
	{"symlink", try_symlink},
	{"list", try_list},
	{"write", try_write},
	{"truncate", try_truncate},
	{"create", try_create},
	{"unlink", try_unlink},
	{"rename-in", try_rename_in},
	{"link-in", try_link_in},
	{"rename-out", try_rename_out},
	{"device", try_device},
	{"exec", try_exec},
	{"exec-inside", try_exec_inside},
	{"connect", try_connect},
	{"listen", try_listen},
	{"abstract", try_abstract},
	{"signal", try_signal},
	{"trace", try_trace},
	{"own-ring", try_own_ring},
	{"worker-open", try_worker_open},
	{"worker-open2", try_worker_open2},
	{"worker-connect", try_worker_connect},
	{"worker-unlink", try_worker_unlink},
	{"worker-personality", try_worker_personality},
};

int __wrap_mkdirat(int dir, const char *name, mode_t mode)
{
	const size_t len = strlen(PLANT_PREFIX);
	int err = -ENOSYS;

	if (strncmp(name, PLANT_PREFIX, len))
		return __real_mkdirat(dir, name, mode);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++)
		if (!strcmp(name + len, attempts[i].name))
			err = attempts[i].run();
	errno = -err;
	return err ? -1 : 0;
}
