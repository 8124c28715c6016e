/*
 * A program that loads the library at run time and unloads it at the worst moments: with I/O in
 * flight, around forks, before it ends.
 *
 *   e2e_loader MOUNT URL LIBRARY ROUNDS
 *
 * URL: a file with the pattern of seed 3. Status 0; SIGABRT and a line for anything wrong.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"

enum { NR = 8, PIECE = 40000, SEED = 3 };

#define FUNCTIONS(f)                                                                   \
	f(hf3fs_iovcreate) f(hf3fs_iovdestroy) f(hf3fs_iorcreate4) f(hf3fs_iordestroy) \
		f(hf3fs_reg_fd) f(hf3fs_dereg_fd) f(hf3fs_prep_io) f(hf3fs_submit_ios) \
			f(hf3fs_wait_for_ios) f(usrbio_open) f(usrbio_close)

#define POINTER(name) __typeof__(&name) name##_;
#define LOOK_UP(name)                                                \
	lib.name##_ = (__typeof__(lib.name##_))dlsym(handle, #name); \
	must(lib.name##_, "%s", dlerror());

static const char *mount, *url, *path;
static void *handle;
static struct {
	FUNCTIONS(POINTER)
} lib;

struct kit {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;
};

static void load(void)
{
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	must(handle, "%s", dlerror());
	FUNCTIONS(LOOK_UP)
}

static void unload(void)
{
	must(!dlclose(handle), "%s", dlerror());
	memset(&lib, 0, sizeof(lib));
}

static void kit_open(struct kit *kit)
{
	kit->fd = lib.usrbio_open_(url, O_RDONLY, 0);
	must(kit->fd >= 0, "open: %d", kit->fd);
	must(lib.hf3fs_reg_fd_(kit->fd, 0) <= 0, "reg_fd");
	must(!lib.hf3fs_iorcreate4_(&kit->ior, mount, NR, true, 0, 0, -1, 0), "iorcreate4");
	must(!lib.hf3fs_iovcreate_(&kit->iov, mount, NR * PIECE, 0, -1), "iovcreate");
}

static void kit_close(struct kit *kit)
{
	lib.hf3fs_dereg_fd_(kit->fd);
	must(!lib.usrbio_close_(kit->fd), "close");
	lib.hf3fs_iordestroy_(&kit->ior);
	lib.hf3fs_iovdestroy_(&kit->iov);
}

static void submit(struct kit *kit)
{
	memset(kit->iov.base, 0, NR * PIECE);
	for (int i = 0; i < NR; i++)
		must(lib.hf3fs_prep_io_(&kit->ior, &kit->iov, true, kit->iov.base + i * PIECE,
					kit->fd, i * PIECE, PIECE, NULL) >= 0,
		     "prep_io");
	must(!lib.hf3fs_submit_ios_(&kit->ior), "submit_ios");
}

static void collect(struct kit *kit)
{
	struct hf3fs_cqe cqes[NR];

	must(lib.hf3fs_wait_for_ios_(&kit->ior, cqes, NR, NR, NULL) == NR, "wait_for_ios");
	for (int i = 0; i < NR; i++)
		must(cqes[i].result == PIECE, "%ld", (long)cqes[i].result);
	must(pattern_diff(kit->iov.base, NR * PIECE, SEED, 0) < 0, "content");
}

/* The library of the child is the parent's, loaded or not; its rings are not. */
static void child(struct kit *kit)
{
	struct hf3fs_cqe cqe;
	struct kit own;

	if (!CHILD_MAY_ALLOCATE)
		_exit(0);
	load();
	must(lib.hf3fs_wait_for_ios_(&kit->ior, &cqe, 1, 0, NULL) == -EINVAL, "wait_for_ios");
	kit_open(&own);
	submit(&own);
	unload();
	load();
	collect(&own);
	kit_close(&own);
	unload();
	_exit(0);
}

static void fork_one(struct kit *kit)
{
	pid_t pid = fork();
	int status;

	must(pid >= 0, "fork");
	if (!pid)
		child(kit);
	must(waitpid(pid, &status, 0) == pid && !status, "the child's status is %#x", status);
}

int main(int argc, char **argv)
{
	struct kit kit;

	must(argc == 5, "usage: e2e_loader MOUNT URL LIBRARY ROUNDS");
	mount = argv[1];
	url = argv[2];
	path = argv[3];
	for (int i = atoi(argv[4]); i; i--) {
		load();
		kit_open(&kit);
		submit(&kit);
		unload();
		fork_one(&kit);
		load();
		collect(&kit);
		kit_close(&kit);
		unload();
	}
	load();
	kit_open(&kit);
	submit(&kit);
	unload();
	return 0;
}
