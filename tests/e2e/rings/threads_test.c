/* Several threads at one ring, and a writer beside readers of one file. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { ENTRIES = 64, LEN = 1000, NR_WAITERS = 4 };

/* One thread prepares and submits, the others wait; every I/O must complete once. */
struct share {
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd, total;
	int most;	   /* completions per wait */
	atomic_int reaped; /* by all waiters */
	atomic_int *seen;  /* by I/O */
	atomic_int *busy;  /* by slot: times taken less times given back */
};

static void take(struct share *s, const struct hf3fs_cqe *cqe)
{
	long io = (long)cqe->userdata;

	must(io >= 0 && io < s->total, "userdata %ld", io);
	must(cqe->result == LEN, "result %ld", (long)cqe->result);
	must(!atomic_fetch_add(&s->seen[io], 1), "I/O %ld completed twice", io);
	atomic_fetch_sub(&s->busy[cqe->index], 1);
	atomic_fetch_add(&s->reaped, 1);
}

static void *wait_for_some(void *arg)
{
	struct share *s = arg;
	struct hf3fs_cqe cqes[ENTRIES];

	while (atomic_load(&s->reaped) < s->total) {
		/* Another waiter may take the last one: look again from time to time. */
		struct timespec deadline = deadline_in(20);
		int n = hf3fs_wait_for_ios(&s->ior, cqes, s->most, 1, &deadline);

		must(n >= 0 && n <= s->most, "wait: %d", n);
		for (int i = 0; i < n; i++)
			take(s, &cqes[i]);
	}
	return NULL;
}

static void prepare_all(struct share *s)
{
	for (long i = 0; i < s->total; i++) {
		uint64_t off = i * 37 % (1 << 18);
		int slot;

		/* A slot is free again once a waiter has it; there is nothing to wait for here. */
		while ((slot = hf3fs_prep_io(&s->ior, &s->iov, true,
					     s->iov.base + i % ENTRIES * LEN, s->fd, off, LEN,
					     (void *)i)) == -EAGAIN) {
			ring_submit(&s->ior);
			nap_ms(0);
		}
		must(slot >= 0 && slot < ENTRIES, "prep: %d", slot);
		atomic_fetch_add(&s->busy[slot], 1);
		if (i % 5 == 4)
			ring_submit(&s->ior);
	}
	ring_submit(&s->ior);
}

static void share_ring(int nr_waiters, int most)
{
	struct share s = {.most = most, .total = full_or_quick(4000, 300)};
	pthread_t waiters[NR_WAITERS];

	file_make("source", 1, 1 << 19);
	s.fd = file_reg(url_of("source"), O_RDONLY);
	s.seen = calloc(s.total, sizeof(*s.seen));
	s.busy = calloc(ENTRIES, sizeof(*s.busy));
	ring_make(&s.ior, NULL, true, ENTRIES);
	iov_make(&s.iov, NULL, ENTRIES * LEN);
	for (int i = 0; i < nr_waiters; i++)
		cr_assert(!pthread_create(&waiters[i], NULL, wait_for_some, &s));
	prepare_all(&s);
	for (int i = 0; i < nr_waiters; i++)
		pthread_join(waiters[i], NULL);
	cr_assert_eq(s.reaped, s.total);
	for (int i = 0; i < s.total; i++)
		cr_assert_eq(s.seen[i], 1, "I/O %d completed %d times", i, s.seen[i]);
	for (int i = 0; i < ENTRIES; i++)
		cr_assert_eq(s.busy[i], 0, "slot %d is off by %d", i, s.busy[i]);
	file_unreg(s.fd);
	hf3fs_iordestroy(&s.ior);
	hf3fs_iovdestroy(&s.iov);
	free(s.seen);
	free(s.busy);
}

E2E(threads, one_prepares_one_waits)
{
	share_ring(1, ENTRIES);
}

E2E(threads, one_prepares_four_wait)
{
	share_ring(NR_WAITERS, ENTRIES);
}

E2E(threads, four_wait_for_one_at_a_time)
{
	share_ring(NR_WAITERS, 1);
}

/*
 * Read after write: a block holds one number all over. The writer publishes it once its write has
 * completed; whoever looks after that must find it or a later one, in every word.
 */
enum { WORDS = 2048, BLOCK = WORDS * 8, NR_READERS = 4 };

struct board {
	_Atomic uint64_t written, begun;
	uint64_t last;
};

struct board_user {
	struct board *board;
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;
	uint64_t reads;
};

static void user_open(struct board_user *user, struct board *board, bool for_read)
{
	user->board = board;
	user->reads = 0;
	user->fd = file_reg(url_of("board"), for_read ? O_RDONLY : O_WRONLY | O_CREAT);
	ring_make(&user->ior, NULL, for_read, 1);
	iov_make(&user->iov, NULL, BLOCK);
}

static void user_close(struct board_user *user)
{
	file_unreg(user->fd);
	hf3fs_iordestroy(&user->ior);
	hf3fs_iovdestroy(&user->iov);
}

static void write_number(struct board_user *user, uint64_t number)
{
	uint64_t *words = (uint64_t *)user->iov.base;

	for (int i = 0; i < WORDS; i++)
		words[i] = number;
	atomic_store(&user->board->begun, number);
	must(ring_io(&user->ior, &user->iov, words, user->fd, 0, BLOCK) == BLOCK, "write");
	atomic_store(&user->board->written, number);
}

static void *read_numbers(void *arg)
{
	struct board_user *user = arg;
	uint64_t *words = (uint64_t *)user->iov.base, before, after;

	do {
		before = atomic_load(&user->board->written);
		memset(words, 0xff, BLOCK);
		must(ring_io(&user->ior, &user->iov, words, user->fd, 0, BLOCK) == BLOCK, "read");
		after = atomic_load(&user->board->begun);
		for (int i = 0; i < WORDS; i++)
			must(words[i] >= before && words[i] <= after, "word %d: %lu in %lu..%lu", i,
			     words[i], before, after);
		user->reads++;
	} while (before < user->board->last);
	return NULL;
}

E2E(threads, a_read_sees_the_writes_before_it)
{
	struct board board = {.last = full_or_quick(500, 40)};
	struct board_user writer, readers[NR_READERS];
	pthread_t threads[NR_READERS];

	user_open(&writer, &board, false);
	write_number(&writer, 1);
	for (int i = 0; i < NR_READERS; i++) {
		user_open(&readers[i], &board, true);
		cr_assert(!pthread_create(&threads[i], NULL, read_numbers, &readers[i]));
	}
	for (uint64_t n = 2; n <= board.last; n++)
		write_number(&writer, n);
	for (int i = 0; i < NR_READERS; i++) {
		pthread_join(threads[i], NULL);
		cr_assert_geq(readers[i].reads, 1);
		user_close(&readers[i]);
	}
	user_close(&writer);
}

/* Written through the ring, then seen by the plain file and by another descriptor at once. */
E2E(threads, a_write_is_visible_when_it_completes)
{
	struct hf3fs_ior reads, writes;
	int fd = file_reg(url_of("file"), O_RDWR | O_CREAT);
	struct hf3fs_iov iov;
	int other;

	ring_make(&reads, NULL, true, 1);
	ring_make(&writes, NULL, false, 1);
	iov_make(&iov, NULL, 2 * BLOCK);
	other = file_reg(url_of("file"), O_RDONLY);
	for (int i = 0; i < full_or_quick(200, 20); i++) {
		uint64_t off = i * 1237, len = 1 + i * 71 % BLOCK;

		pattern_fill(iov.base, len, i, off);
		cr_assert_eq(ring_io(&writes, &iov, iov.base, fd, off, len), (int64_t)len);
		file_check("file", i, off, len);
		cr_assert_eq(ring_io(&reads, &iov, iov.base + BLOCK, other, off, len),
			     (int64_t)len);
		cr_assert_eq(pattern_diff(iov.base + BLOCK, len, i, off), -1);
	}
	file_unreg(other);
	file_unreg(fd);
	hf3fs_iordestroy(&reads);
	hf3fs_iordestroy(&writes);
	hf3fs_iovdestroy(&iov);
}
