/*
 * The progress thread, one in each process, which owns its state. Any thread adds tasks at the end
 * of the list; only this thread removes them. A cursor in the list makes it safe to remove tasks
 * during a walk over it. `asleep_until` is the latest time at which the thread wakes, so that a
 * wake that would change nothing needs no system call. During a walk it is NEVER, so that no wake
 * is lost then.
 */
#include "client/base/progress.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "client/base/thread.h"
#include "common/base/fork.h"
#include "common/base/lock.h"
#include "common/base/log.h"

#define FDS_MAX 256 /* watched descriptors; tasks with others are run at every tick */

static struct {
	struct lock lock;  /* LOCK_PROGRESS: the last of the library's order */
	struct list tasks; /* under lock */
	struct list *cursor;
	bool running; /* under lock */
	int wake_fd;  /* constant once the thread runs */
	_Atomic uint64_t asleep_until;
	_Atomic bool woken; /* wake_fd has been written to */
} progress = {.lock = LOCK_INIT(LOCK_PROGRESS), .wake_fd = -1};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void reset(void)
{
	lock_init(&progress.lock, LOCK_PROGRESS);
	list_init(&progress.tasks);
	progress.cursor = &progress.tasks;
	progress.running = false;
	progress.wake_fd = -1;
	atomic_store(&progress.asleep_until, 0);
	atomic_store(&progress.woken, false);
}

static void start(void)
{
	reset();
	fork_watch(reset);
}

static struct task *next_task(void)
{
	struct task *task = NULL;

	lock_acquire(&progress.lock);
	if (progress.cursor != &progress.tasks) {
		task = container_of(progress.cursor, struct task, link);
		progress.cursor = progress.cursor->next;
	}
	lock_release(&progress.lock);
	return task;
}

static void rewind_tasks(void)
{
	lock_acquire(&progress.lock);
	progress.cursor = progress.tasks.next;
	lock_release(&progress.lock);
}

/* Run every task once. Returns the time of the next run, and *nr descriptors to watch. */
static uint64_t walk(struct pollfd fds[FDS_MAX], nfds_t *nr)
{
	uint64_t due = NEVER;
	struct task *task;

	*nr = 0;
	fds[(*nr)++] = (struct pollfd){.fd = progress.wake_fd, .events = POLLIN};
	rewind_tasks();
	while ((task = next_task())) {
		uint64_t now = now_ns();
		int fd = -1;

		due = min_ns(due, task->poll(task, now, &fd));
		if (fd < 0)
			continue;
		if (*nr < FDS_MAX)
			fds[(*nr)++] = (struct pollfd){.fd = fd, .events = POLLIN};
		else
			due = min_ns(due, now + TICK_NS);
	}
	return due;
}

/* poll() fails, as a seccomp filter may have it: log that once, and go on slowly. */
static void poll_failed(void)
{
	const struct timespec pause = {.tv_nsec = TICK_NS};
	static bool logged; /* of the progress thread */

	if (!logged)
		log_warn("progress thread: poll: %s", strerror(errno));
	logged = true;
	nanosleep(&pause, NULL);
}

static void sleep_until(uint64_t due, struct pollfd *fds, nfds_t nr)
{
	uint64_t drained;

	atomic_store(&progress.asleep_until, due);
	if (poll(fds, nr, poll_ms(due, now_ns())) < 0 && errno != EINTR)
		poll_failed();
	if (fds[0].revents && read(progress.wake_fd, &drained, sizeof(drained)) > 0)
		atomic_store(&progress.woken, false);
	atomic_store(&progress.asleep_until, NEVER);
}

static void *run(void *unused)
{
	struct pollfd fds[FDS_MAX];
	nfds_t nr;

	thread_name("usrbio");
	atomic_store(&progress.asleep_until, NEVER);
	for (;;) {
		uint64_t due = walk(fds, &nr);

		sleep_until(due, fds, nr);
	}
	return unused;
}

static int start_thread(void)
{
	int err;

	lock_assert_held(&progress.lock);
	progress.wake_fd = fork_own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (progress.wake_fd < 0)
		return -errno;
	err = thread_start(run, NULL);
	if (err) {
		fork_close(progress.wake_fd);
		progress.wake_fd = -1;
		return err;
	}
	progress.running = true;
	return 0;
}

int progress_add(struct task *task)
{
	int err = 0;

	pthread_once(&once, start);
	lock_acquire(&progress.lock);
	if (!progress.running)
		err = start_thread();
	if (!err && list_empty(&task->link))
		list_add_tail(&progress.tasks, &task->link);
	lock_release(&progress.lock);
	if (!err)
		progress_wake(0);
	return err;
}

void progress_remove(struct task *task)
{
	pthread_once(&once, start);
	lock_acquire(&progress.lock);
	if (progress.cursor == &task->link)
		progress.cursor = task->link.next;
	list_del(&task->link);
	lock_release(&progress.lock);
}

void progress_wake(uint64_t when)
{
	uint64_t one = 1;

	if (when >= atomic_load(&progress.asleep_until) || atomic_exchange(&progress.woken, true))
		return;
	if (write(progress.wake_fd, &one, sizeof(one)) < 0)
		atomic_store(&progress.woken, false);
}
