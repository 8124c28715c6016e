/*
 * The states of a connection: created, opened, disconnected, and polled while no thread waits on
 * it. It belongs to its owner (conn_owner.h); the reconnector opens it, the progress thread polls
 * it, and any thread that uses it disconnects it, all under its lock.
 */
#include "client/conn/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "client/usrbio.h"
#include "common/base/fork.h"
#include "common/base/log.h"

#define NR_RECVS 64u /* receive and send buffers, of FRAME_MAX bytes each */
#define NR_SENDS 64u

static uint64_t poll(struct task *task, uint64_t now, int *fd);

struct conn *conn_create(struct conn_owner *owner, unsigned index)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	int err = ENOMEM;

	if (!conn)
		return NULL;
	if (arena_open(&conn->arena, ARENA_SIZE))
		goto err_free;
	spin_init(&conn->wait.spin);
	conn->wait.wake_fd = fork_own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (conn->wait.wake_fd < 0) {
		err = errno;
		log_warn("cannot make a connection: eventfd: %s", strerror(err));
		goto err_arena;
	}
	lock_init(&conn->lock, LOCK_CONN);
	conn->owner = owner;
	conn->index = index;
	conn->task.poll = poll;
	list_init(&conn->wait.followers);
	list_init(&conn->task.link);
	conn->tick_ns = owner->timeout_ms * NS_PER_MS / CONN_TICKS;
	conn->due_ns = NEVER;
	conn->next_tick_ns = conn->tick_ns ? 0 : NEVER;
	if (!conn_users_create(conn))
		return conn;
	conn_destroy(conn);
	return NULL;

err_arena:
	arena_close(&conn->arena);
err_free:
	free(conn);
	errno = err;
	return NULL;
}

void conn_destroy(struct conn *conn)
{
	if (conn->tp) {
		conn->ops->disconnect(conn->tp);
		conn->ops->conn_free(conn->tp);
	}
	if (conn->domain)
		conn->ops->domain_close(conn->domain);
	conn_users_destroy(conn);
	lock_destroy(&conn->lock);
	fork_close(conn->wait.wake_fd);
	arena_close(&conn->arena);
	exchange_wipe(&conn->exchange);
	free(conn);
}

void conn_flush(struct conn *conn)
{
	if (conn->unflushed && conn->tp) {
		conn->unflushed = false;
		conn->ops->flush(conn->tp);
	}
	if (conn->wait.wake_pending)
		conn_wake(conn);
}

void conn_lock(struct conn *conn)
{
	if (conn_trylock(conn))
		return;
	atomic_fetch_add_explicit(&conn->wanted, 1, memory_order_relaxed);
	lock_acquire(&conn->lock);
	atomic_fetch_sub_explicit(&conn->wanted, 1, memory_order_relaxed);
}

bool conn_trylock(struct conn *conn)
{
	return lock_try(&conn->lock);
}

void conn_unlock(struct conn *conn)
{
	conn_flush(conn);
	lock_release(&conn->lock);
}

/* Open a domain of a provider, unless the connection has one already. 0 or -errno. */
static int use_domain(struct conn *conn, const struct tp_ops *ops)
{
	const struct tp_domain_config config = {
		.msg_max = FRAME_MAX,
		.nr_recvs = NR_RECVS,
		.nr_sends = NR_SENDS,
		.nr_posts = 1, /* a client posts neither READs nor WRITEs */
		.nr_conns = 1,
		.numa = -1,
		.tls = conn->owner->tls,
		.range = conn->users[CONN_USER_RINGS]->ops->range,
	};
	struct tp_domain *domain;
	int err;

	if (conn->domain && conn->ops == ops)
		return 0;
	err = ops->domain_open(&config, &domain);
	if (err)
		return err;
	if (conn->domain)
		conn->ops->domain_close(conn->domain);
	conn->domain = domain;
	conn->ops = ops;
	return 0;
}

int conn_open(struct conn *conn, const struct tp_ops *ops, struct tp_device *device,
	      const struct tp_addr *addr, unsigned timeout_ms)
{
	int err = use_domain(conn, ops);

	lock_assert_held(&conn->lock);
	if (err)
		return err;
	err = progress_add(&conn->task);
	if (err)
		return err;
	err = ops->connect(conn->domain, device, addr, timeout_ms, conn, &conn->tp);
	if (err)
		return err;
	conn->state = CONN_OPENING;
	conn->error = 0;
	conn->incarnation++;
	conn->blocked = conn->unflushed = conn->pong_due = conn->probe_due = conn->goodbye_due =
		false;
	conn->nr_probes = conn->nr_answered = 0;
	conn->wait.drives++;
	/* Wake a leader that sleeps on the domain of another provider, which was closed. */
	conn_wake_leader(conn);
	progress_wake(0);
	return 0;
}

void conn_shut(struct conn *conn, int error)
{
	lock_assert_held(&conn->lock);
	if (conn->state == CONN_DOWN || conn->state == CONN_CLOSING)
		return;
	if (conn->state == CONN_UP)
		conn->owner->lost(conn->owner, conn->joined, error);
	conn->state = CONN_CLOSING;
	conn->error = error;
	conn->ops->disconnect(conn->tp);
	conn->wait.drives++;
	conn->wait.wake_pending = true;
	/* Wake a leader, because disconnecting may not make the domain's descriptor readable. */
	conn_wake_leader(conn);
	progress_wake(0);
}

void conn_blame(struct conn *conn, const char *fmt, ...)
{
	va_list args;

	lock_assert_held(&conn->lock);
	va_start(args, fmt);
	conn->owner->blame(conn->owner, fmt, args);
	va_end(args);
}

void conn_violated(struct conn *conn, const char *what)
{
	lock_assert_held(&conn->lock);
	conn_blame(conn, "the server at %s broke the protocol: %s", conn->owner->at, what);
	conn_shut(conn, -EPROTO);
}

/* Disconnect if another connection of the same incarnation of the owner was lost. */
static void check_owner(struct conn *conn)
{
	if (conn->state == CONN_UP && conn->owner->is_lost(conn->owner, conn->joined))
		conn_shut(conn, -ECONNRESET);
}

/*
 * Drive the connection until its descriptor is armed, and let the progress thread watch it. Returns
 * the time of the next call.
 */
static uint64_t attend(struct conn *conn, int *fd)
{
	for (int turn = 0; turn < 64; turn++) {
		int n = conn_poll(conn);

		conn_flush(conn);
		if (n > 0 || conn->ops->arm(conn->domain))
			continue;
		*fd = conn->domain->fd;
		conn->wait.watched = true;
		return conn_next_clock(conn);
	}
	return 0;
}

/*
 * The periodic task of the progress thread. Threads that wait on the connection drive it. If none
 * has done so since the last call, the progress thread drives it, and then watches its descriptor
 * instead of coming every TICK_NS. While a leader sleeps, this thread only looks at deadlines,
 * because new ones may have come that the leader does not know. When the leader wakes, it wakes
 * this thread.
 */
static uint64_t poll(struct task *task, uint64_t now, int *fd)
{
	struct conn *conn = container_of(task, struct conn, task);
	uint64_t due = now + TICK_NS;

	if (!conn_trylock(conn))
		return due;
	conn->wait.watched = false;
	check_owner(conn);
	conn_clock(conn, now);
	conn_pump(conn); /* sends closes of handles, for which no thread waits */
	if (conn->task_drives != conn->wait.drives) {
		conn->task_drives = conn->wait.drives;
	} else if (conn->wait.leader) {
		conn->wait.unattended = true;
		due = conn_next_clock(conn);
	} else {
		due = conn->domain ? attend(conn, fd) : conn_next_clock(conn);
	}
	conn_unlock(conn);
	return due;
}

void conn_count(struct conn *conn, struct usrbio_counters *counters)
{
	conn_lock(conn);
	counters->ios += conn->nr_ios;
	counters->batches += conn->nr_batches;
	counters->completions += conn->nr_completions;
	counters->msg_bytes += conn->msg_bytes;
	if (conn->domain) {
		const struct tp_counters *count = &conn->domain->count;

		counters->msgs_sent += count->msgs_sent;
		counters->msgs_received += count->msgs_received;
		counters->imms_received += count->imms_received;
		counters->remote_reads += count->served_reads;
		counters->remote_writes += count->served_writes;
		counters->doorbells += count->doorbells;
		counters->polls += count->polls;
		counters->sleeps += count->arms;
	}
	conn_unlock(conn);
}
