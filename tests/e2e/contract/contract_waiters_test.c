/* wait_for_ios that really waits: for ever, under signals, in order, for more than the ring holds.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/e2e/contract/contract.h"
#include "tests/support/pattern.h"

enum { ENTRIES = 16 };

/* A thread in wait_for_ios. */
struct waiter {
	const struct hf3fs_ior *ior;
	int min;
	const struct timespec *deadline;
	pthread_t thread;
	_Atomic pid_t tid;
	_Atomic bool back;
	struct hf3fs_cqe cqes[4 * ENTRIES];
	int got;
};

static void *wait_in_thread(void *arg)
{
	struct waiter *w = arg;

	atomic_store(&w->tid, gettid());
	w->got = hf3fs_wait_for_ios(w->ior, w->cqes, 4 * ENTRIES, w->min, w->deadline);
	atomic_store(&w->back, true);
	return NULL;
}

static bool is_asleep(pid_t tid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	/* Gone: it is back already, which is for the test to find out. */
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (f)
		fclose(f);
	return state == 'S';
}

/* Start it, and let it fall asleep. */
static void start(struct waiter *w, const struct hf3fs_ior *ior, int min,
		  const struct timespec *deadline)
{
	*w = (struct waiter){.ior = ior, .min = min, .deadline = deadline};
	must(!pthread_create(&w->thread, NULL, wait_in_thread, w), "thread");
	while (!atomic_load(&w->back) && !(atomic_load(&w->tid) && is_asleep(atomic_load(&w->tid))))
		sched_yield();
}

/* Its I/Os, whose userdata counts from `first`. */
static void expect_back(struct waiter *w, int n, uintptr_t first)
{
	cr_assert_eq(pthread_join(w->thread, NULL), 0);
	cr_assert_eq(w->got, n, "%d instead of %d", w->got, n);
	for (int i = 0; i < n; i++)
		cr_assert_eq(w->cqes[i].userdata, (void *)(first + i));
}

static void prep(const struct hf3fs_ior *ior, int n, uintptr_t first)
{
	for (int i = 0; i < n; i++)
		ring_prep(ior, &kit.iov, kit.iov.base, kit.fd, 0, 1, (void *)(first + i));
	ring_submit(ior);
}

E2E(contract_waiters, null_waits_for_ever_until_another_thread_submits)
{
	struct hf3fs_ior ior;
	struct waiter w;

	/* Nothing outstanding, and nothing connected either. */
	ring_make(&ior, NULL, true, ENTRIES);
	start(&w, &ior, 3, NULL);
	cr_expect_not(atomic_load(&w.back));
	kit_open();
	prep(&ior, 2, 1);
	cr_expect_not(atomic_load(&w.back), "two are not three");
	prep(&ior, 1, 3);
	expect_back(&w, 3, 1);
	hf3fs_iordestroy(&ior);
	kit_close();
}

/* Deadlines that are far away, whatever they look like, are not over at once. */
E2E(contract_waiters, far_deadlines_wait)
{
	const struct timespec far[] = {deadline_in(3600 * 1000),
				       {deadline_in(0).tv_sec, 3600 * 1000000000l},
				       {deadline_in(0).tv_sec + 3602, -1000000001},
				       {0, LONG_MAX},
				       {LONG_MAX, 0},
				       {LONG_MAX, LONG_MAX},
				       {LONG_MAX, LONG_MIN}};
	struct waiter w;

	kit_open();
	for (unsigned i = 0; i < sizeof(far) / sizeof(*far); i++) {
		start(&w, &kit.reads, 2, &far[i]);
		cr_expect_not(atomic_load(&w.back), "deadline %u", i);
		prep(&kit.reads, 1, 1);
		prep(&kit.reads, 1, 2);
		expect_back(&w, 2, 1);
	}
	kit_close();
}

static atomic_int caught;

static void catch (int sig)
{
	atomic_fetch_add(&caught, 1);
}

/* Signals, each one taken before the next, until it is back or there were enough. */
static void storm(struct waiter *w, int n)
{
	for (int i = 0; i < n && !atomic_load(&w->back); i++) {
		int before = atomic_load(&caught);

		cr_assert_eq(pthread_kill(w->thread, SIGUSR1), 0);
		while (atomic_load(&caught) == before && !atomic_load(&w->back))
			sched_yield();
	}
}

static bool is_over(const struct timespec *deadline)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec > deadline->tv_sec ||
	       (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

static void check_signals(int flags)
{
	const struct sigaction sa = {.sa_handler = catch, .sa_flags = flags};
	struct timespec soon;
	struct waiter one, two;
	struct hf3fs_ior other;

	cr_assert_eq(sigaction(SIGUSR1, &sa, NULL), 0);
	/* One of them sleeps on the connection, the other beside it. */
	start(&one, &kit.reads, 1, NULL);
	ring_make(&other, NULL, true, 1);
	start(&two, &other, 1, NULL);
	storm(&one, full_or_quick(500, 50));
	storm(&two, full_or_quick(500, 50));
	cr_expect_not(atomic_load(&one.back));
	cr_expect_not(atomic_load(&two.back));
	prep(&other, 1, 5);
	prep(&kit.reads, 1, 7);
	expect_back(&two, 1, 5);
	expect_back(&one, 1, 7);
	/* Until the deadline, and not less. */
	soon = deadline_in(50);
	start(&one, &kit.reads, 1, &soon);
	storm(&one, INT_MAX);
	expect_back(&one, 0, 0);
	cr_expect(is_over(&soon));
	hf3fs_iordestroy(&other);
}

E2E(contract_waiters, signals_never_surface)
{
	kit_open();
	check_signals(0);
	check_signals(SA_RESTART);
	kit_works();
	kit_close();
}

/* A large one first: those behind it are done earlier, and handed out later. */
E2E(contract_waiters, completions_of_one_call_are_in_submission_order)
{
	const size_t large = full_or_quick(8, 2) << 20;
	struct hf3fs_cqe cqes[ENTRIES];
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	int fd;

	file_make("large", 1, large);
	fd = file_reg(url_of("large"), O_RDONLY);
	ring_make(&ior, NULL, true, ENTRIES);
	iov_make(&iov, NULL, large);
	for (int round = 0; round < full_or_quick(30, 3); round++) {
		for (long i = 0; i < ENTRIES; i++)
			ring_prep(&ior, &iov, iov.base, fd, 0, i % 8 ? 1 : large, (void *)i);
		ring_submit(&ior);
		ring_wait(&ior, cqes, ENTRIES);
		for (long i = 0; i < ENTRIES; i++) {
			cr_assert_eq(cqes[i].userdata, (void *)i);
			cr_assert_eq(cqes[i].result, i % 8 ? 1 : (int64_t)large);
		}
	}
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
	file_unreg(fd);
}

/* What is waited for does not fit into the ring: completions make room for those to come. */
static void wait_for_more(int entries, int io_depth, int n)
{
	struct hf3fs_ior ior;
	struct waiter w;

	cr_assert_eq(hf3fs_iorcreate(&ior, e2e_mount, entries, true, io_depth, -1), 0);
	start(&w, &ior, n, NULL);
	for (int i = 0; i < n;) {
		int slot = hf3fs_prep_io(&ior, &kit.iov, true, kit.iov.base, kit.fd, 0, 1,
					 (void *)(uintptr_t)(i + 1));

		cr_assert(slot >= 0 || slot == -EAGAIN, "%d", slot);
		i += slot >= 0;
		ring_submit(&ior);
		if (slot < 0)
			sched_yield();
	}
	expect_back(&w, n, 1);
	hf3fs_iordestroy(&ior);
}

E2E(contract_waiters, min_beyond_the_ring_is_reached)
{
	kit_open();
	wait_for_more(1, 0, 10);
	wait_for_more(4, 0, 40);
	wait_for_more(4, 3, 39);
	wait_for_more(4, -2, 40);
	wait_for_more(8, 8, 40);
	kit_close();
}

static long voluntary_switches(void)
{
	struct rusage usage;

	cr_assert_eq(getrusage(RUSAGE_THREAD, &usage), 0);
	return usage.ru_nvcsw;
}

/* However it is asked, only looking neither sleeps nor polls more than once. */
E2E(contract_waiters, an_expired_deadline_is_one_cheap_poll)
{
	enum { NR = 1000 };
	const struct timespec past = {1, 0};
	struct usrbio_counters before, after;
	struct hf3fs_cqe cqe;
	struct hf3fs_ior ior;
	long switches;
	int got = 0;

	kit_open();
	if (e2e_server.process.pid)
		server_pause(&e2e_server);
	cr_assert_eq(hf3fs_iorcreate(&ior, e2e_mount, ENTRIES, true, 2, -1), 0);
	prep(&ior, 3, 1); /* one waits for company, two are under way */
	cr_assert_eq(usrbio_counters(e2e_mount, &before), 0);
	switches = voluntary_switches();
	for (int i = 0; i < NR; i++)
		got += hf3fs_wait_for_ios(&ior, &cqe, 1, 1, &past);
	switches = voluntary_switches() - switches;
	cr_assert_eq(usrbio_counters(e2e_mount, &after), 0);
	cr_expect_lt(switches, NR / 10, "it slept %ld times", switches);
	cr_expect_leq(after.polls - before.polls, NR + NR / 10);
	if (e2e_server.process.pid) {
		cr_expect_eq(got, 0, "the server stands still");
		server_signal(&e2e_server, SIGCONT);
	}
	hf3fs_iordestroy(&ior);
	kit_close();
}
