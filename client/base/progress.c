/*
 * The progress thread. Chores are added by any thread at the end of the list, removed by this
 * thread only; the cursor makes removing while it walks safe. `asleep_until` says how long it
 * will sleep at most, so that a kick that changes nothing costs no system call: it is NEVER from
 * before the walk on, so that what is kicked during the walk is not overslept.
 */
#include "client/base/progress.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/base/clock.h"
#include "client/base/thread.h"
#include "common/base/fork.h"
#include "common/base/log.h"

#define FDS_MAX 256 /* descriptors watched; chores beyond are looked at every tick */

static struct {
	pthread_mutex_t lock;
	struct list chores; /* under lock */
	struct list *cursor;
	bool running; /* under lock */
	int wake_fd;  /* constant once running */
	_Atomic uint64_t asleep_until;
	_Atomic bool kicked; /* wake_fd has been written to */
} progress = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake_fd = -1};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void reset(void)
{
	pthread_mutex_init(&progress.lock, NULL);
	list_init(&progress.chores);
	progress.cursor = &progress.chores;
	progress.running = false;
	progress.wake_fd = -1;
	atomic_store(&progress.asleep_until, 0);
	atomic_store(&progress.kicked, false);
}

static void start(void)
{
	reset();
	fork_watch(reset);
}

static struct chore *next_chore(void)
{
	struct chore *chore = NULL;

	pthread_mutex_lock(&progress.lock);
	if (progress.cursor != &progress.chores) {
		chore = list_of(progress.cursor, struct chore, link);
		progress.cursor = progress.cursor->next;
	}
	pthread_mutex_unlock(&progress.lock);
	return chore;
}

static void rewind_chores(void)
{
	pthread_mutex_lock(&progress.lock);
	progress.cursor = progress.chores.next;
	pthread_mutex_unlock(&progress.lock);
}

/* Every chore once. When the next one is due; *nr descriptors to watch. */
static uint64_t walk(struct pollfd fds[FDS_MAX], nfds_t *nr)
{
	uint64_t due = NEVER;
	struct chore *chore;

	*nr = 0;
	fds[(*nr)++] = (struct pollfd){.fd = progress.wake_fd, .events = POLLIN};
	rewind_chores();
	while ((chore = next_chore())) {
		uint64_t now = now_ns();
		int fd = -1;

		due = min_ns(due, chore->tend(chore, now, &fd));
		if (fd < 0)
			continue;
		if (*nr < FDS_MAX)
			fds[(*nr)++] = (struct pollfd){.fd = fd, .events = POLLIN};
		else
			due = min_ns(due, now + TICK_NS);
	}
	return due;
}

static void sleep_until(uint64_t due, struct pollfd *fds, nfds_t nr)
{
	uint64_t drained;

	atomic_store(&progress.asleep_until, due);
	if (poll(fds, nr, poll_ms(due, now_ns())) < 0 && errno != EINTR)
		log_warn("progress thread: poll: %s", strerror(errno));
	if (fds[0].revents && read(progress.wake_fd, &drained, sizeof(drained)) > 0)
		atomic_store(&progress.kicked, false);
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

/* Lock held. */
static int start_thread(void)
{
	int err;

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

int progress_add(struct chore *chore)
{
	int err = 0;

	pthread_once(&once, start);
	pthread_mutex_lock(&progress.lock);
	if (!progress.running)
		err = start_thread();
	if (!err && list_empty(&chore->link))
		list_add_tail(&progress.chores, &chore->link);
	pthread_mutex_unlock(&progress.lock);
	if (!err)
		progress_kick(0);
	return err;
}

void progress_remove(struct chore *chore)
{
	pthread_once(&once, start);
	pthread_mutex_lock(&progress.lock);
	if (progress.cursor == &chore->link)
		progress.cursor = chore->link.next;
	list_del(&chore->link);
	pthread_mutex_unlock(&progress.lock);
}

void progress_kick(uint64_t when)
{
	uint64_t one = 1;

	if (when >= atomic_load(&progress.asleep_until) || atomic_exchange(&progress.kicked, true))
		return;
	if (write(progress.wake_fd, &one, sizeof(one)) < 0)
		atomic_store(&progress.kicked, false);
}
