/* common/base/lock.h with its checks: what ends a process, and what it says. */
#include "common/base/lock.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct lock outer = LOCK_INIT(LOCK_CONN), inner = LOCK_INIT(LOCK_SESSION);
static struct lock sibling = LOCK_INIT(LOCK_CONN);
static struct rwlock innermost;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

/* What a child that runs this writes to its standard error; "" if it ends by itself. */
static const char *said_by(void (*body)(void))
{
	static char text[256];
	ssize_t len;
	int fds[2], status;
	pid_t pid;

	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		body();
		_exit(0);
	}
	close(fds[1]);
	len = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	text[len < 0 ? 0 : len] = '\0';
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(WIFSIGNALED(status), *text != '\0');
	return text;
}

static void in_order(void)
{
	cr_assert_eq(rwlock_init(&innermost, NULL, LOCK_KEYS), 0);
	lock_acquire(&outer);
	lock_acquire(&inner);
	rwlock_read(&innermost);
	lock_assert_held(&outer);
	lock_release(&outer); /* in any order */
	rwlock_release(&innermost);
	lock_release(&inner);
	lock_acquire(&sibling);
	lock_acquire(&inner);
}

Test(lock, order_is_kept)
{
	cr_assert_str_eq(said_by(in_order), "");
}

static void out_of_order(void)
{
	lock_acquire(&inner);
	lock_acquire(&outer);
}

static void two_of_a_rank(void)
{
	lock_acquire(&outer);
	lock_acquire(&sibling);
}

static void twice(void)
{
	lock_acquire(&outer);
	lock_acquire(&outer);
}

Test(lock, order_is_broken)
{
	cr_assert_str_eq(said_by(out_of_order), "lock: LOCK_CONN is acquired after LOCK_SESSION\n");
	cr_assert_str_eq(said_by(two_of_a_rank), "lock: LOCK_CONN is acquired after LOCK_CONN\n");
	cr_assert_str_eq(said_by(twice), "lock: LOCK_CONN is acquired by a thread that holds it\n");
}

static void try_out_of_order(void)
{
	lock_acquire(&inner);
	if (!lock_try(&outer))
		abort();
	lock_release(&outer);
}

static void order_after_try(void)
{
	if (!lock_try(&inner))
		abort();
	lock_acquire(&outer);
}

Test(lock, trying_never_deadlocks)
{
	cr_assert_str_eq(said_by(try_out_of_order), "");
	cr_assert_str_eq(said_by(order_after_try),
			 "lock: LOCK_CONN is acquired after LOCK_SESSION\n");
}

static void not_held(void)
{
	lock_acquire(&sibling);
	lock_assert_held(&outer);
}

static void not_released(void)
{
	lock_release(&outer);
}

Test(lock, holder_is_asked_for)
{
	cr_assert_str_eq(said_by(not_held), "lock: LOCK_CONN is not held\n");
	cr_assert_str_eq(said_by(not_released),
			 "lock: LOCK_CONN is released by a thread that does not hold it\n");
}

static void waits_under_another(void)
{
	lock_acquire(&outer);
	lock_acquire(&inner);
	lock_wait(&inner, &cond);
}

static void waits_alone(void)
{
	struct timespec past = {.tv_sec = 0};

	lock_acquire(&inner);
	lock_wait_until(&inner, &cond, &past);
	lock_assert_held(&inner);
}

Test(lock, waiting_holds_no_other)
{
	cr_assert_str_eq(said_by(waits_alone), "");
	cr_assert_str_eq(said_by(waits_under_another),
			 "lock: a thread waits under LOCK_SESSION while it holds LOCK_CONN\n");
}
