/* A service manager: one thread that receives, and the test that looks at what it has. */
#include "tests/sandbox/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/must.h"

enum { PASSED_FIRST = 500, LISTEN_FIRST = 3 };

struct managed managed[MANAGED_MAX];
unsigned nr_managed;

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t synced = PTHREAD_COND_INITIALIZER;
static unsigned nr_syncs;
static int inbox = -1;

static void add(const char *name, int fd)
{
	must(fd >= 0 && nr_managed < MANAGED_MAX, "a descriptor for %s", name);
	snprintf(managed[nr_managed].name, MANAGED_NAME, "%s", name);
	managed[nr_managed++].fd = fd;
}

static void drop(const char *name)
{
	for (unsigned i = 0; i < nr_managed;)
		if (strcmp(managed[i].name, name)) {
			i++;
		} else {
			close(managed[i].fd);
			managed[i] = managed[--nr_managed];
		}
}

/* Return what stands behind "KEY=" in a line of the message; NULL: there is no such line. */
static const char *value(const char *text, const char *key, char out[MANAGED_NAME])
{
	const char *at = strstr(text, key);

	while (at && at != text && at[-1] != '\n')
		at = strstr(at + 1, key);
	if (!at)
		return NULL;
	at += strlen(key);
	snprintf(out, MANAGED_NAME, "%.*s", (int)strcspn(at, "\n"), at);
	return out;
}

static void handle(const char *text, int fd)
{
	char name[MANAGED_NAME], yes[MANAGED_NAME];

	if (value(text, "FDSTORE=", yes) && value(text, "FDNAME=", name)) {
		add(name, fd);
		fd = -1;
	}
	if (value(text, "FDSTOREREMOVE=", yes) && value(text, "FDNAME=", name))
		drop(name);
	if (value(text, "SYNC=", yes)) {
		nr_syncs++;
		pthread_cond_signal(&synced);
	}
	if (fd >= 0)
		close(fd);
}

static void *receive(void *arg)
{
	for (;;) {
		char text[1024] = "";
		union {
			char room[CMSG_SPACE(sizeof(int))];
			struct cmsghdr align;
		} control;
		struct iovec iov = {text, sizeof(text) - 1};
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = &control,
				     .msg_controllen = sizeof(control)};
		struct cmsghdr *header;
		int fd = -1;

		if (recvmsg(inbox, &msg, MSG_CMSG_CLOEXEC) < 0)
			return arg;
		header = CMSG_FIRSTHDR(&msg);
		if (header && header->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(header), sizeof(fd));
		pthread_mutex_lock(&lock);
		handle(text, fd);
		pthread_mutex_unlock(&lock);
	}
}

void manager_start(const char *path)
{
	pthread_t thread;

	inbox = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	must(!bind(inbox, (struct sockaddr *)&address, sizeof(address)) && !chmod(path, 0666), "%s",
	     path);
	must(!setenv("NOTIFY_SOCKET", path, 1), "setenv");
	must(!pthread_create(&thread, NULL, receive, NULL) && !pthread_detach(thread), "a thread");
}

void manager_sync(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned wanted;

	pthread_mutex_lock(&lock);
	wanted = nr_syncs + 1;
	pthread_mutex_unlock(&lock);
	must(sendto(fd, "SYNC=1", 6, 0, (struct sockaddr *)&address, sizeof(address)) == 6, "SYNC");
	close(fd);
	pthread_mutex_lock(&lock);
	while (nr_syncs != wanted)
		pthread_cond_wait(&synced, &lock);
	pthread_mutex_unlock(&lock);
}

void manager_clear(void)
{
	manager_sync();
	while (nr_managed)
		close(managed[--nr_managed].fd);
}

/* Give children copies of what is kept, without CLOEXEC, and say so in the environment. */
static void pass(const struct managed_start *how)
{
	char names[MANAGED_MAX * MANAGED_NAME] = "", number[16];

	for (unsigned i = 0; i < nr_managed; i++) {
		must(dup2(managed[i].fd, PASSED_FIRST + (int)i) >= 0, "dup2");
		strcat(strcat(names, i ? ":" : ""), managed[i].name);
	}
	snprintf(number, sizeof(number), "%u", nr_managed);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	snprintf(number, sizeof(number), "%u", how->max);
	setenv("FDSTORE", number, 1);
}

void manager_run(struct process *server, const struct managed_start *how, const char *const argv[],
		 const char *log)
{
	char uid[16];
	const char *all[40] = {"/proc/self/exe", "--become", uid, how->no_handles ? "filter" : "-",
			       how->wrong_pid ? "wrong" : "-"};

	snprintf(uid, sizeof(uid), "%u", how->uid);
	for (int i = 0; argv[i]; i++)
		all[5 + i] = argv[i];
	manager_sync();
	pass(how);
	process_start(server, all, log);
	for (unsigned i = 0; i < nr_managed; i++)
		close(PASSED_FIRST + (int)i);
}

static void refuse_handles(void)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_name_to_handle_at, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(steps) / sizeof(*steps), .filter = steps};

	must(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
		     !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
	     "seccomp");
}

void manager_main(int argc, char **argv)
{
	unsigned uid, nr;
	char pid[16];

	if (argc < 6 || strcmp(argv[1], "--become"))
		return;
	uid = (unsigned)atoi(argv[2]);
	nr = (unsigned)atoi(getenv("LISTEN_FDS"));
	for (unsigned i = 0; i < nr; i++) {
		must(dup2(PASSED_FIRST + (int)i, LISTEN_FIRST + (int)i) >= 0, "dup2");
		close(PASSED_FIRST + (int)i);
	}
	snprintf(pid, sizeof(pid), "%d", getpid() + !strcmp(argv[4], "wrong"));
	setenv("LISTEN_PID", pid, 1);
	if (!strcmp(argv[3], "filter"))
		refuse_handles();
	must(!uid || (!setgroups(0, NULL) && !setresgid(uid, uid, uid) &&
		      !setresuid(uid, uid, uid)),
	     "setuid");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(argv[5], argv + 5);
	perror(argv[5]);
	_exit(127);
}
