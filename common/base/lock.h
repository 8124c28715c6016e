/*
 * Mutexes and reader-writer locks with a place in one order. A thread acquires a lock only while
 * every lock that it holds has an earlier place in enum lock_rank; docs/LOCKING.md says why.
 *
 * With USRBIO_LOCK_CHECKS (debug and sanitizer builds) each thread keeps a list of the locks that
 * it holds. A lock that is acquired out of order, or that a function needs and its caller does not
 * hold, ends the process with a line that names the locks. Without USRBIO_LOCK_CHECKS these are the
 * pthread types and calls alone.
 */
#ifndef USRBIO_COMMON_BASE_LOCK_H
#define USRBIO_COMMON_BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

/* The order, outermost first. A thread holds at most one lock of each rank. */
enum lock_rank {
	/* The locks of the library. */
	LOCK_WRAP_CACHE, /* the cache of wrapped memory */
	LOCK_MOUNTS,	 /* the table of mounts */
	LOCK_RECLAIM,	 /* regions that are to be given back */
	LOCK_REAP,	 /* a ring's completions, for the threads that wait for them */
	LOCK_CONN,	 /* a connection, with its I/Os and calls under way */
	LOCK_OPEN_FILES, /* the files that a session has to reopen */
	LOCK_SESSION,	 /* why a session is up or down */
	LOCK_DEVICE,	 /* a transport device and what is registered with it */
	LOCK_FREE_FILES, /* the free list of file objects */
	LOCK_OBJPOOL,	 /* the free list of a pool of objects */
	LOCK_PROGRESS,	 /* the periodic tasks of the progress thread */

	/* The locks of the server. */
	LOCK_SESSIONS,	   /* the table of sessions */
	LOCK_REPLIES,	   /* a session's reply cache */
	LOCK_FILE_TABLE,   /* a session's open files */
	LOCK_KEYRING,	   /* the keys and what they permit */
	LOCK_ACCOUNTS,	   /* what each id has of the server */
	LOCK_JOBS,	   /* the threads of an export and the jobs that wait for them */
	LOCK_INODES,	   /* inodes with a failed sync, of a POSIX store */
	LOCK_MEMORY_STORE, /* a memory store's tree and data */
	LOCK_RESCUE,	   /* the queue of a POSIX store's rescue thread */
	LOCK_FENCES,	   /* what calls under way are about to change */
	LOCK_BARRIERS,	   /* the barriers of all inodes */
	LOCK_KEPT,	   /* descriptors that the service manager keeps */
	LOCK_VERIFIER,	   /* an export's write verifier */
	LOCK_STATE,	   /* the state directory */

	/* The locks of the transports. */
	LOCK_LOOP,  /* both ends of all loop connections */
	LOCK_KEYS,  /* a device's key table */
	LOCK_CARDS, /* the open RDMA devices */
};

/* The address of a place identifies its lock. */
struct lock_place {
	enum lock_rank rank;
	const char *name;
};

struct lock {
	pthread_mutex_t mutex;
#ifdef USRBIO_LOCK_CHECKS
	struct lock_place place;
#endif
};

struct rwlock {
	pthread_rwlock_t rwlock;
#ifdef USRBIO_LOCK_CHECKS
	struct lock_place place;
#endif
};

#ifdef USRBIO_LOCK_CHECKS

/* Check, before a thread blocks for a lock, that it holds none of the same or of a later rank. */
void lock_check_order(const struct lock_place *place);
void lock_check_acquired(const struct lock_place *place);
void lock_check_released(const struct lock_place *place);
void lock_check_held(const struct lock_place *place);
/* Check, before a thread waits for a condition, that it holds this lock and no other. */
void lock_check_alone(const struct lock_place *place);

#define LOCK_PLACE(r)                   \
	{                               \
		.rank = (r), .name = #r \
	}
#define LOCK_INIT(r)                                                       \
	{                                                                  \
		.mutex = PTHREAD_MUTEX_INITIALIZER, .place = LOCK_PLACE(r) \
	}
#define LOCK_SET_PLACE(lock, r) ((lock)->place = (struct lock_place)LOCK_PLACE(r))
#define LOCK_CHECK(what, lock)	lock_check_##what(&(lock)->place)

#else

#define LOCK_INIT(r)                               \
	{                                          \
		.mutex = PTHREAD_MUTEX_INITIALIZER \
	}
#define LOCK_SET_PLACE(lock, r) ((void)(r))
#define LOCK_CHECK(what, lock)	((void)(lock))

#endif

#define lock_init(lock, r)                                \
	do {                                              \
		pthread_mutex_init(&(lock)->mutex, NULL); \
		LOCK_SET_PLACE(lock, r);                  \
	} while (0)

/* Returns the result of pthread_rwlock_init(). */
#define rwlock_init(lock, attr, r) \
	(LOCK_SET_PLACE(lock, r), pthread_rwlock_init(&(lock)->rwlock, attr))

#define lock_assert_held(lock) LOCK_CHECK(held, lock)

static inline void lock_destroy(struct lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

static inline void lock_acquire(struct lock *lock)
{
	LOCK_CHECK(order, lock);
	pthread_mutex_lock(&lock->mutex);
	LOCK_CHECK(acquired, lock);
}

/* Try to acquire a lock. It never blocks, so the order need not be kept. */
static inline bool lock_try(struct lock *lock)
{
	if (pthread_mutex_trylock(&lock->mutex))
		return false;
	LOCK_CHECK(acquired, lock);
	return true;
}

static inline void lock_release(struct lock *lock)
{
	LOCK_CHECK(released, lock);
	pthread_mutex_unlock(&lock->mutex);
}

/* Wait for a condition. Returns the result of pthread_cond_wait(), and is a cancellation point. */
static inline int lock_wait(struct lock *lock, pthread_cond_t *cond)
{
	LOCK_CHECK(alone, lock);
	return pthread_cond_wait(cond, &lock->mutex);
}

/* Do the same until a time of the monotonic clock. */
static inline int lock_wait_until(struct lock *lock, pthread_cond_t *cond,
				  const struct timespec *until)
{
	LOCK_CHECK(alone, lock);
	return pthread_cond_clockwait(cond, &lock->mutex, CLOCK_MONOTONIC, until);
}

static inline void rwlock_destroy(struct rwlock *lock)
{
	pthread_rwlock_destroy(&lock->rwlock);
}

static inline void rwlock_read(struct rwlock *lock)
{
	LOCK_CHECK(order, lock);
	pthread_rwlock_rdlock(&lock->rwlock);
	LOCK_CHECK(acquired, lock);
}

static inline void rwlock_write(struct rwlock *lock)
{
	LOCK_CHECK(order, lock);
	pthread_rwlock_wrlock(&lock->rwlock);
	LOCK_CHECK(acquired, lock);
}

static inline void rwlock_release(struct rwlock *lock)
{
	LOCK_CHECK(released, lock);
	pthread_rwlock_unlock(&lock->rwlock);
}

#endif
