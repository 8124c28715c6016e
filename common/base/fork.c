/*
 * The handlers of pthread_atfork(). The process owns the table of descriptors and the list of
 * functions, and any thread uses them. If two threads register a function at the same time, it may
 * be called twice.
 *
 * The descriptors are bits in a table without a lock, so that a fork does not wait. A bit is set
 * only while its number is a descriptor of this library or server. The kernel copies the
 * descriptors first, and the memory with the bits afterwards. So a child never closes a descriptor
 * of other code. At worst it keeps one that was being made or closed at that moment.
 *
 * The gate is a lock. A fork takes it for writing, and fork_hold() for reading. Both wait for it
 * for at most one second. A program's own fork handlers may hold a lock that a thread in
 * fork_hold() waits for, and a fork at a bad moment is better than a deadlock.
 */
#include "common/base/fork.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"

#define WORDS	    16384 /* of 64 descriptors each; by default a process may not have more */
#define GATE_WAIT_S 1

static _Atomic uint64_t owned[WORDS];
static atomic_int nr_words; /* all words from this index on are zero; it only grows */

static pthread_rwlock_t gate = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static _Thread_local bool gate_closed; /* a fork of this thread holds the gate */

void fork_watch(void (*child)(void))
{
	if (pthread_atfork(NULL, NULL, child))
		log_warn("no memory for a fork handler: do not use rings in a forked child");
}

/* Close the parent's descriptors in a child. The child has none of its own yet. */
static void close_owned(void)
{
	for (int i = 0; i < atomic_load(&nr_words); i++) {
		uint64_t word = atomic_exchange(&owned[i], 0);

		for (; word; word &= word - 1)
			close(i * 64 + __builtin_ctzll(word));
	}
}

static void watch_owned(void)
{
	fork_watch(close_owned);
}

int fork_own(int fd)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int used = atomic_load(&nr_words), word = fd / 64;

	if (fd < 0 || word >= WORDS)
		return fd;
	pthread_once(&once, watch_owned);
	atomic_fetch_or(&owned[word], 1ull << (fd % 64));
	while (used <= word && !atomic_compare_exchange_weak(&nr_words, &used, word + 1))
		;
	return fd;
}

void fork_disown(int fd)
{
	if (fd >= 0 && fd / 64 < WORDS)
		atomic_fetch_and(&owned[fd / 64], ~(1ull << (fd % 64)));
}

void fork_close(int fd)
{
	fork_disown(fd);
	close(fd);
}

static bool take_gate(int (*lock)(pthread_rwlock_t *, clockid_t, const struct timespec *))
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += GATE_WAIT_S;
	return !lock(&gate, CLOCK_MONOTONIC, &until);
}

static void close_gate(void)
{
	gate_closed = take_gate(pthread_rwlock_clockwrlock);
}

static void open_gate(void)
{
	if (gate_closed)
		pthread_rwlock_unlock(&gate);
}

static void new_gate(void)
{
	gate = (pthread_rwlock_t)PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
}

static void watch_gate(void)
{
	if (pthread_atfork(close_gate, open_gate, new_gate))
		log_warn("no memory for a fork handler: RDMA may hang in forked children");
}

bool fork_hold(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_gate);
	return take_gate(pthread_rwlock_clockrdlock);
}

void fork_release(bool held)
{
	if (held)
		pthread_rwlock_unlock(&gate);
}
