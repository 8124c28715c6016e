/*
 * fork: pthread_atfork does all the work; a function registered twice by a race runs twice.
 *
 * The descriptors are bits in a table without a lock, so that a fork waits for nobody. A bit is set
 * while its number is ours only. The kernel copies the descriptors first, the memory with the bits
 * afterwards: a child never closes a stranger's, and at the worst keeps one that was being made or
 * closed at that moment.
 *
 * The gate is a lock that forking takes for writing. Both sides wait for it for a second at most:
 * a program's own fork handlers may hold what a thread inside waits for, and a fork that happens at
 * a bad moment is better than none.
 */
#include "common/base/fork.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"

#define WORDS	    16384 /* of 64 descriptors: as many as a process may have by default */
#define GATE_WAIT_S 1

static _Atomic uint64_t owned[WORDS];
static atomic_int nr_words; /* words from here on are zero; only grows */

static pthread_rwlock_t gate = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static _Thread_local bool gate_closed; /* by this thread's fork */

void fork_watch(void (*child)(void))
{
	if (pthread_atfork(NULL, NULL, child))
		log_warn("no memory to watch for fork: rings must not be used in a forked child");
}

/* Descriptors of the child's own come after this. */
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
		log_warn("no memory to watch for fork: RDMA may hang in forked children");
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
