/* common/base/fork.h: descriptors that stay with the parent, and calls that no fork cuts in two. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/fork.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* A descriptor, of the number `at` or above. */
static int make(int at)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, at);

	cr_assert_geq(fd, at);
	return fd;
}

/* In a child. */
static bool in_child(bool (*body)(const int *arg), const int *arg)
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (!pid)
		_exit(!body(arg));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return !status;
}

static bool first_is_closed_second_open(const int *fds)
{
	return !is_open(fds[0]) && is_open(fds[1]);
}

Test(fork, children_close_what_is_owned_and_nothing_else)
{
	static const int numbers[] = {3, 63, 64, 127, 128, 1000};

	cr_assert_eq(fork_own(-1), -1);
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		int fds[2] = {make(numbers[i]), make(numbers[i])};

		cr_assert_eq(fork_own(fds[0]), fds[0]);
		cr_assert(in_child(first_is_closed_second_open, fds));
		cr_assert(is_open(fds[0]), "the parent keeps it");
		fork_close(fds[0]);
		cr_assert_not(is_open(fds[0]));
		close(fds[1]);
	}
}

static bool is_open_here(const int *fd)
{
	return is_open(*fd);
}

/* The number is somebody else's now. */
Test(fork, children_keep_what_was_given_up)
{
	int fd = fork_own(make(3)), again;

	fork_close(fd);
	again = make(fd);
	cr_assert_eq(again, fd);
	cr_assert(in_child(is_open_here, &again));
	fork_own(again);
	fork_disown(again);
	cr_assert(in_child(is_open_here, &again));
	close(again);
}

static bool owns_and_forks(const int *parents)
{
	int fds[2] = {fork_own(make(3)), make(3)};

	/* It may well be the number that its parent had. */
	return !is_open(*parents) == (fds[0] != *parents && fds[1] != *parents) &&
	       in_child(first_is_closed_second_open, fds);
}

Test(fork, a_child_has_descriptors_of_its_own)
{
	int fd = fork_own(make(3));

	cr_assert(in_child(owns_and_forks, &fd));
	cr_assert(is_open(fd));
	fork_close(fd);
}

static atomic_int inside;
static atomic_bool stop;

static void *go_in_and_out(void *unused)
{
	while (!stop) {
		bool held = fork_hold();

		inside++;
		for (int i = 0; i < 10000; i++)
			atomic_signal_fence(memory_order_seq_cst);
		inside--;
		fork_release(held);
	}
	return unused;
}

static bool nobody_is_inside(const int *unused)
{
	bool held;

	if (inside)
		return false;
	/* And the gate is open here, too. */
	held = fork_hold();
	fork_release(held);
	return held;
}

Test(fork, no_fork_comes_between_hold_and_release)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, go_in_and_out, NULL), 0);
	for (int i = 0; i < 300; i++)
		cr_assert(in_child(nobody_is_inside, NULL), "round %d", i);
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* A fork handler, or a signal's, in the midst of a call of ours: late, but no deadlock. */
Test(fork, a_thread_inside_may_fork)
{
	bool held = fork_hold();

	cr_assert(held);
	cr_assert(in_child(nobody_is_inside, NULL));
	fork_release(held);
	cr_assert(in_child(nobody_is_inside, NULL));
}
