/* A child made by fork: refused with its parent's rings, served with its own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/load.h"
#include "tests/support/pattern.h"

struct kit {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;
};

static void kit_open(struct kit *kit)
{
	kit->fd = file_reg(url_of("file"), O_RDONLY);
	ring_make(&kit->ior, NULL, true, 4);
	iov_make(&kit->iov, NULL, 65536);
}

static void kit_use(struct kit *kit)
{
	must(ring_io(&kit->ior, &kit->iov, kit->iov.base, kit->fd, 3, 60000) == 60000, "read");
	must(pattern_diff(kit->iov.base, 60000, 3, 3) < 0, "content");
}

static void kit_close(struct kit *kit)
{
	file_unreg(kit->fd);
	hf3fs_iordestroy(&kit->ior);
	hf3fs_iovdestroy(&kit->iov);
}

static void is_refused(struct kit *kit)
{
	struct hf3fs_cqe cqe;
	int prep = hf3fs_prep_io(&kit->ior, &kit->iov, true, kit->iov.base, kit->fd, 0, 1, NULL);

	must(prep == -EINVAL, "prep_io: %d", prep);
	must(hf3fs_submit_ios(&kit->ior) == -EINVAL, "submit_ios");
	must(hf3fs_wait_for_ios(&kit->ior, &cqe, 1, 0, NULL) == -EINVAL, "wait_for_ios");
	must(usrbio_close(kit->fd) == -EBADF, "close");
	hf3fs_dereg_fd(kit->fd);
	hf3fs_iovunlink(&kit->iov);
	hf3fs_iordestroy(&kit->ior);
	hf3fs_iovdestroy(&kit->iov);
}

static void runs_true(struct kit *kit)
{
	execl("/bin/true", "true", NULL);
	_exit(127);
}

/* Run in a child; it must end well. */
static void in_child(void (*body)(struct kit *), struct kit *kit)
{
	pid_t pid = fork();
	int status;

	must(pid >= 0, "fork");
	if (!pid) {
		alarm(120);
		if (CHILD_MAY_ALLOCATE || body == runs_true)
			body(kit);
		else
			is_refused(kit);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && !status, "the child's status is %#x", status);
}

static void builds_its_own(struct kit *kit)
{
	struct kit own;

	is_refused(kit);
	kit_open(&own);
	for (int i = 0; i < 5; i++)
		kit_use(&own);
	kit_close(&own);
}

E2E(forks, a_child_is_refused)
{
	struct kit kit;

	file_make("file", 3, 65536);
	kit_open(&kit);
	kit_use(&kit);
	for (int i = 0; i < 3; i++) {
		in_child(is_refused, &kit);
		kit_use(&kit);
	}
	kit_close(&kit);
}

E2E(forks, a_child_builds_its_own)
{
	struct kit kit;

	file_make("file", 3, 65536);
	kit_open(&kit);
	kit_use(&kit);
	for (int i = 0; i < 3; i++) {
		in_child(builds_its_own, &kit);
		kit_use(&kit);
	}
	kit_close(&kit);
}

static int prep(const struct hf3fs_ior *ior, const struct hf3fs_iov *iov, int fd)
{
	return hf3fs_prep_io(ior, iov, true, iov->base, fd, 0, 1, NULL);
}

static void mixes_them(struct kit *kit)
{
	struct kit own;

	ring_make(&own.ior, NULL, true, 4);
	iov_make(&own.iov, NULL, 65536);
	/* Before a descriptor of its own gets that number. */
	must(prep(&own.ior, &own.iov, kit->fd) == -EBADF, "its parent's file");
	own.fd = file_reg(url_of("file"), O_RDONLY);
	must(prep(&own.ior, &kit->iov, own.fd) == -EINVAL, "its parent's iov");
	must(prep(&kit->ior, &own.iov, own.fd) == -EINVAL, "its parent's ring");
	kit_use(&own);
	kit_close(&own);
}

E2E(forks, a_childs_own_do_not_go_with_its_parents)
{
	struct kit kit;

	file_make("file", 3, 65536);
	kit_open(&kit);
	kit_use(&kit);
	for (int i = 0; i < 3; i++) {
		in_child(mixes_them, &kit);
		kit_use(&kit);
	}
	kit_close(&kit);
}

/* Forked before anything is connected: an ordinary client. */
E2E(forks, before_the_first_use)
{
	struct kit kit;

	file_make("file", 3, 65536);
	ring_make(&kit.ior, NULL, true, 1);
	iov_make(&kit.iov, NULL, 4096);
	kit.fd = -1;
	in_child(builds_its_own, &kit);
	hf3fs_iordestroy(&kit.ior);
	hf3fs_iovdestroy(&kit.iov);
	kit_open(&kit);
	kit_use(&kit);
	kit_close(&kit);
}

/* With I/O of the parent under way. */
E2E(forks, in_the_middle)
{
	struct hf3fs_cqe cqes[4];
	struct kit kit;

	file_make("file", 3, 65536);
	kit_open(&kit);
	for (int i = 0; i < full_or_quick(20, 3); i++) {
		for (int k = 0; k < 4; k++)
			ring_prep(&kit.ior, &kit.iov, kit.iov.base + k * 16384, kit.fd, k * 16384,
				  16384, NULL);
		ring_submit(&kit.ior);
		in_child(builds_its_own, &kit);
		ring_wait(&kit.ior, cqes, 4);
		for (int k = 0; k < 4; k++)
			cr_assert_eq(cqes[k].result, 16384);
		cr_assert_eq(pattern_diff(kit.iov.base, 65536, 3, 0), -1);
	}
	kit_close(&kit);
}

/* A write that waits for company until its time is up, while nobody calls the library. */
static void goes_out_by_itself(struct kit *kit)
{
	struct hf3fs_ior ior;
	struct hf3fs_cqe cqe;
	char byte = 0;
	int fd, out;

	fd = file_reg(url_of("out"), O_WRONLY);
	must(!hf3fs_iorcreate4(&ior, e2e_mount, 4, false, -4, 20, -1, 0), "iorcreate4");
	iov_make(&kit->iov, NULL, 4096);
	kit->iov.base[0] = 'x';
	ring_prep(&ior, &kit->iov, kit->iov.base, fd, 0, 1, NULL);
	ring_submit(&ior);
	out = open(path_of("out"), O_RDONLY | O_CLOEXEC);
	must(out >= 0, "out");
	while (pread(out, &byte, 1, 0) != 1 || byte != 'x')
		nap_ms(1);
	close(out);
	ring_wait(&ior, &cqe, 1);
	file_unreg(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&kit->iov);
}

E2E(forks, what_a_child_does_not_wait_for_goes_on_too)
{
	struct kit kit, none = {.fd = -1};

	e2e_needs_local_files();
	file_make("file", 3, 65536);
	file_make("out", 3, 1);
	kit_open(&kit);
	kit_use(&kit);
	in_child(goes_out_by_itself, &none);
	kit_use(&kit);
	kit_close(&kit);
}

/* Children by the hundred, while threads of the parent work; none of its bytes is wrong. */
E2E(forks, under_load_the_parent_is_undisturbed)
{
	struct load *load;
	struct kit kit;

	file_make("file", 3, 65536);
	kit_open(&kit);
	load = load_start(e2e_mount, "load", 4);
	for (int i = 0; i < full_or_quick(200, 20); i++) {
		in_child(builds_its_own, &kit);
		kit_use(&kit);
	}
	load_await(load);
	load_stop(load);
	kit_close(&kit);
}

/* Each with a ring of its own in use, and children of all kinds. */
static void *fork_often(void *arg)
{
	struct kit *kit = arg;

	for (int i = 0; i < full_or_quick(20, 3); i++) {
		in_child(runs_true, kit);
		kit_use(kit);
		in_child(builds_its_own, kit);
		kit_use(kit);
	}
	return NULL;
}

E2E(forks, from_several_threads_at_once)
{
	enum { NR = 4 };
	pthread_t threads[NR];
	struct kit kits[NR];

	file_make("file", 3, 65536);
	for (int i = 0; i < NR; i++) {
		kit_open(&kits[i]);
		must(!pthread_create(&threads[i], NULL, fork_often, &kits[i]), "thread");
	}
	for (int i = 0; i < NR; i++) {
		pthread_join(threads[i], NULL);
		kit_close(&kits[i]);
	}
}

/* Spellings of the mount that connect anew each. */
static void *connect_often(void *arg)
{
	const bool *stop = arg;
	char url[1400];

	for (int i = 0; !__atomic_load_n(stop, __ATOMIC_RELAXED); i++) {
		char option[32];
		int fd;

		snprintf(option, sizeof(option), "timeout=%d", 10000 + i % 20);
		snprintf(url, sizeof(url), "%s/%sfile", mount_with(option), e2e_prefix);
		fd = usrbio_open(url, O_RDONLY, 0);
		must(fd >= 0, "open: %d", fd);
		must(!usrbio_close(fd), "close");
	}
	return NULL;
}

/* A fork in the midst of another thread's connecting: no lock stays taken in the child. */
E2E(forks, while_another_thread_connects)
{
	pthread_t thread;
	bool stop = false;
	struct kit kit;

	file_make("file", 3, 65536);
	kit_open(&kit);
	must(!pthread_create(&thread, NULL, connect_often, &stop), "thread");
	for (int i = 0; i < full_or_quick(100, 10); i++)
		in_child(builds_its_own, &kit);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	kit_use(&kit);
	kit_close(&kit);
}

static void has_a_child_of_its_own(struct kit *kit)
{
	struct kit own;

	is_refused(kit);
	kit_open(&own);
	kit_use(&own);
	in_child(builds_its_own, &own);
	kit_use(&own);
	kit_close(&own);
}

E2E(forks, a_grandchild_builds_its_own)
{
	struct kit kit;

	file_make("file", 3, 65536);
	kit_open(&kit);
	in_child(has_a_child_of_its_own, &kit);
	kit_use(&kit);
	kit_close(&kit);
}
