/*
 * A thread for the I/O that io_uring cannot do. Most I/O needs no thread, but writes through the
 * page cache, for example, run on threads that io_uring starts when it needs them. If the kernel
 * refuses the first of them, because the user or the control group has too many, io_uring ends the
 * I/O with -ECANCELED, and none of it has been done. The step is then done here, by a system call.
 *
 * Each posix store has one such thread, which starts with the server, because there may be none to
 * start later. A slow file system delays its own store only. Any worker queues steps, under the
 * lock; events come to the worker that queued them.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/base/identity.h"
#include "server/store/posix/io/queue.h"

/* Time after a refusal in which io_uring is not asked for what needs a thread, most likely. */
#define REFUSED_NS NS_PER_S
/* Time between two log lines of a process. */
#define TOLD_NS (60 * NS_PER_S)

struct posix_rescue {
	struct lock lock; /* LOCK_RESCUE: guards the fields below; the thread waits under it */
	pthread_cond_t more, none;
	struct ev *first, **last; /* the queue, linked by ev.next */
	unsigned nr_under_way;	  /* steps in the queue, and the one that runs */
	bool closing;
	_Atomic uint64_t until_ns; /* until then posix_rescue_wanted(). Any thread. */
	struct group_limit tasks;  /* the limit of the control group at the start */
	pthread_t thread;
};

/* Do the current step of an I/O. Returns the bytes moved, or -errno. */
static int64_t do_step(struct store_io *io)
{
	const int fd = posix_io_fd(io);
	struct iovec iov = {(char *)io->buf + io->priv.moved, io->len - io->priv.moved};
	off_t off = (off_t)(io->off + io->priv.moved);
	int flags = posix_io_durable(io) ? RWF_DSYNC : 0;
	ssize_t n;

	if (posix_progress_of(io)->writeback)
		n = sync_file_range(fd, (off_t)io->off, (off_t)io->priv.moved,
				    SYNC_FILE_RANGE_WRITE);
	else if (!io->buf)
		n = splice(fd, &off, io->pipe, NULL, iov.iov_len, SPLICE_F_NONBLOCK);
	else if (io->kind == STORE_READ)
		n = preadv2(fd, &iov, 1, off, 0);
	else
		n = pwritev2(fd, &iov, 1, off, flags);
	return n < 0 ? -errno : n;
}

/* Wait for the next step; NULL: the thread has to end. */
static struct ev *take(struct posix_rescue *rescue, bool done)
{
	struct ev *ev;

	lock_acquire(&rescue->lock);
	rescue->nr_under_way -= done;
	if (!rescue->nr_under_way)
		pthread_cond_broadcast(&rescue->none);
	while (!rescue->first && !rescue->closing)
		lock_wait(&rescue->lock, &rescue->more);
	ev = rescue->first;
	if (ev) {
		rescue->first = ev->next;
		if (!rescue->first)
			rescue->last = &rescue->first;
	}
	lock_release(&rescue->lock);
	return ev;
}

static void *run(void *arg)
{
	struct posix_rescue *rescue = arg;
	sigset_t set;

	pthread_setname_np(pthread_self(), "usrbio-rescue");
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	identity_forgo_set_id();
	for (struct ev *ev = take(rescue, false); ev; ev = take(rescue, true)) {
		struct store_io *io = posix_io_of(ev);
		const struct posix_queue *queue = io->priv.queue;

		evloop_post(queue->loop, ev, (int32_t)do_step(io));
	}
	return NULL;
}

int posix_rescue_open(const struct group_limit *tasks, struct posix_rescue **out)
{
	struct posix_rescue *rescue = calloc(1, sizeof(*rescue));
	int err;

	if (!rescue)
		return -ENOMEM;
	lock_init(&rescue->lock, LOCK_RESCUE);
	pthread_cond_init(&rescue->more, NULL);
	pthread_cond_init(&rescue->none, NULL);
	rescue->last = &rescue->first;
	rescue->tasks = *tasks;
	err = pthread_create(&rescue->thread, NULL, run, rescue);
	if (err) {
		log_error(
			"cannot start a thread for I/O: %s; raise RLIMIT_NPROC (ulimit -u) or pids.max of the control group",
			strerror(err));
		pthread_cond_destroy(&rescue->more);
		pthread_cond_destroy(&rescue->none);
		lock_destroy(&rescue->lock);
		free(rescue);
		return -err;
	}
	*out = rescue;
	return 0;
}

void posix_rescue_drain(struct posix_rescue *rescue)
{
	lock_acquire(&rescue->lock);
	while (rescue->nr_under_way)
		lock_wait(&rescue->lock, &rescue->none);
	lock_release(&rescue->lock);
}

void posix_rescue_close(struct posix_rescue *rescue)
{
	if (!rescue)
		return;
	lock_acquire(&rescue->lock);
	rescue->closing = true;
	pthread_cond_signal(&rescue->more);
	lock_release(&rescue->lock);
	pthread_join(rescue->thread, NULL);
	pthread_cond_destroy(&rescue->more);
	pthread_cond_destroy(&rescue->none);
	lock_destroy(&rescue->lock);
	free(rescue);
}

/* Log the limits that can be the reason, and how to raise them; seldom. */
static void tell(const struct posix_rescue *rescue, uint64_t now)
{
	static _Atomic uint64_t told_ns;
	uint64_t told = atomic_load(&told_ns);
	char user[64] = "", group[GROUP_BY_MAX + 64] = "";
	struct rlimit limit;

	if ((told && now - told < TOLD_NS) || !atomic_compare_exchange_strong(&told_ns, &told, now))
		return;
	if (!getrlimit(RLIMIT_NPROC, &limit) && limit.rlim_cur != RLIM_INFINITY)
		snprintf(user, sizeof(user), "RLIMIT_NPROC (ulimit -u, now %ju)",
			 (uintmax_t)limit.rlim_cur);
	if (rescue->tasks.value != GROUP_NO_LIMIT)
		snprintf(group, sizeof(group), "%s (%" PRIu64 " at the start)", rescue->tasks.by,
			 rescue->tasks.value);
	log_warn("the kernel gives io_uring no more threads: raise %s%s%s; until then, one thread "
		 "for each export does their I/O",
		 user, *user && *group ? " or " : "",
		 *group	 ? group
		 : *user ? ""
			 : "the limit of threads");
}

void posix_rescue_run(struct posix_rescue *rescue, struct store_io *io)
{
	struct ev *ev = &posix_progress_of(io)->ev;

	ev->next = NULL;
	lock_acquire(&rescue->lock);
	*rescue->last = ev;
	rescue->last = &ev->next;
	rescue->nr_under_way++;
	pthread_cond_signal(&rescue->more);
	lock_release(&rescue->lock);
}

void posix_rescue_refused(struct posix_rescue *rescue, struct store_io *io)
{
	uint64_t now = now_ns();

	tell(rescue, now);
	atomic_store(&rescue->until_ns, now + REFUSED_NS);
	posix_rescue_run(rescue, io);
}

bool posix_rescue_wanted(struct posix_rescue *rescue)
{
	uint64_t until = atomic_load_explicit(&rescue->until_ns, memory_order_relaxed);

	if (!until)
		return false;
	if (now_ns() < until)
		return true;
	atomic_store(&rescue->until_ns, 0);
	return false;
}
