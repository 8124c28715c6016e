/* A child made by fork: refused with its parent's rings, served with its own. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/harness.h"
#include "tests/e2e/io.h"
#include "tests/e2e/pattern.h"

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

/* Run in a child; it must end well. */
static void in_child(void (*body)(struct kit *), struct kit *kit)
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (!pid) {
		alarm(60);
		body(kit);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "the child's status is %#x", status);
}

static void is_refused(struct kit *kit)
{
	struct hf3fs_cqe cqe;
	int prep = hf3fs_prep_io(&kit->ior, &kit->iov, true, kit->iov.base, kit->fd, 0, 1, NULL);

	must(prep == -EINVAL, "prep_io: %d", prep);
	must(hf3fs_submit_ios(&kit->ior) == -EINVAL, "submit_ios");
	must(hf3fs_wait_for_ios(&kit->ior, &cqe, 1, 0, NULL) == -EINVAL, "wait_for_ios");
	hf3fs_iordestroy(&kit->ior);
	hf3fs_iovdestroy(&kit->iov);
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
