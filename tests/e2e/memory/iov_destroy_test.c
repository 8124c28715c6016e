/*
 * Iovs destroyed with I/O under way. Each I/O ends once, with bytes or cancelled; and after the
 * call nothing touches the memory: other memory takes its place at once, and stays as it is while
 * the server goes on serving others.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/load.h"
#include "tests/support/pattern.h"

enum { PIECE = 128 * 1024, PIECES = 8, LEN = PIECE * PIECES, CANARY = 0xa5, OLD = 1, NEW = 2 };

struct scene {
	struct hf3fs_ior ior, other_ior;
	struct hf3fs_iov iov, other; /* the one that ends, and a witness */
	int fd;
	unsigned occupied; /* times the place was ours */
};

static void scene_open(struct scene *s, bool for_read)
{
	*s = (struct scene){.occupied = 0};
	file_make("file", OLD, LEN);
	s->fd = file_reg(url_of("file"), O_RDWR);
	ring_make(&s->ior, NULL, for_read, PIECES);
	ring_make(&s->other_ior, NULL, true, 1);
	iov_make(&s->other, NULL, PIECE);
}

static void scene_close(struct scene *s)
{
	cr_assert_gt(s->occupied, 0, "the place was never free");
	file_unreg(s->fd);
	hf3fs_iordestroy(&s->ior);
	hf3fs_iordestroy(&s->other_ior);
	hf3fs_iovdestroy(&s->other);
}

/* I/O on all of a new iov, submitted. */
static void begin(struct scene *s)
{
	iov_make(&s->iov, NULL, LEN);
	pattern_fill(s->iov.base, LEN, NEW, 0);
	for (uintptr_t i = 0; i < PIECES; i++)
		ring_prep(&s->ior, &s->iov, s->iov.base + i * PIECE, s->fd, i * PIECE, PIECE,
			  (void *)i);
	ring_submit(&s->ior);
}

/* Memory nobody may touch, where the iov was. NULL: a thread of ours has mapped something there. */
static uint8_t *occupy(struct scene *s, bool touchable)
{
	int prot = touchable ? PROT_READ | PROT_WRITE : PROT_NONE;
	uint8_t *at = mmap(s->iov.base, LEN, prot,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (at == MAP_FAILED) {
		must(errno == EEXIST, "%s", strerror(errno));
		return NULL;
	}
	must(at == s->iov.base, "elsewhere");
	if (touchable)
		memset(at, CANARY, LEN);
	s->occupied++;
	return at;
}

/* Every I/O once: the results by piece. */
static void finish(struct scene *s, int64_t results[PIECES], int64_t lost)
{
	struct hf3fs_cqe cqes[PIECES];
	bool seen[PIECES] = {false};

	ring_wait(&s->ior, cqes, PIECES);
	for (int i = 0; i < PIECES; i++) {
		uintptr_t piece = (uintptr_t)cqes[i].userdata;

		must(piece < PIECES && !seen[piece], "a completion twice");
		seen[piece] = true;
		results[piece] = cqes[i].result;
		must(cqes[i].result == PIECE || cqes[i].result == -ECANCELED ||
			     cqes[i].result == -EINVAL || cqes[i].result == lost,
		     "%ld", (long)cqes[i].result);
	}
	must(!hf3fs_wait_for_ios(&s->ior, cqes, PIECES, 0, NULL), "one more");
}

/* The server goes on; the place does not change. */
static void expect_untouched(struct scene *s, uint8_t *place, bool touchable)
{
	for (int i = 0; i < 4; i++)
		must(ring_io(&s->other_ior, &s->other, s->other.base, s->fd, i, 1000) == 1000,
		     "the witness");
	if (!place)
		return;
	if (touchable)
		must(bytes_diff(place, LEN, CANARY) < 0, "somebody wrote there");
	must(!munmap(place, LEN), "munmap");
}

static void *destroy(void *iov)
{
	hf3fs_iovdestroy(iov);
	return NULL;
}

/* From this thread, or from another one. */
static void end(struct scene *s, bool elsewhere)
{
	pthread_t thread;

	if (!elsewhere) {
		hf3fs_iovdestroy(&s->iov);
		return;
	}
	must(!pthread_create(&thread, NULL, destroy, &s->iov), "thread");
	pthread_join(thread, NULL);
}

/* The i-th iov, destroyed under its I/O, with other memory in its place at once. */
static void round_of(struct scene *s, int i, int64_t results[PIECES])
{
	bool touchable = i % 3;
	uint8_t *place;

	begin(s);
	end(s, i % 2);
	place = occupy(s, touchable);
	finish(s, results, PIECE);
	expect_untouched(s, place, touchable);
}

E2E(iov_destroy, reads_in_flight_under_load)
{
	struct load *load = load_start(e2e_mount, "load", 2);
	struct scene s;

	scene_open(&s, true);
	for (int i = 0; i < full_or_quick(300, 12); i++) {
		int64_t results[PIECES];

		round_of(&s, i, results);
	}
	scene_close(&s);
	load_stop(load);
}

/* What reached the file is what was there, or what the iov held: never what came to its place. */
static void expect_old_or_new(const int64_t results[PIECES])
{
	enum { GRAIN = 512 };
	static uint8_t bytes[LEN];

	file_read("file", bytes, LEN, 0);
	for (int i = 0; i < PIECES; i++)
		must(results[i] != PIECE ||
			     pattern_diff(bytes + i * PIECE, PIECE, NEW, i * PIECE) < 0,
		     "piece %d was not written", i);
	for (int off = 0; off < LEN; off += GRAIN)
		must(pattern_diff(bytes + off, GRAIN, NEW, off) < 0 ||
			     pattern_diff(bytes + off, GRAIN, OLD, off) < 0,
		     "neither old nor new at %d", off);
}

E2E(iov_destroy, writes_in_flight_under_load)
{
	struct load *load = load_start(e2e_mount, "load", 2);
	static uint8_t old[LEN];
	struct scene s;

	pattern_fill(old, LEN, OLD, 0);
	scene_open(&s, false);
	for (int i = 0; i < full_or_quick(200, 8); i++) {
		int64_t results[PIECES];

		round_of(&s, i, results);
		expect_old_or_new(results);
		file_write("file", old, LEN, 0);
	}
	scene_close(&s);
	load_stop(load);
}

struct preparer {
	struct scene *scene;
	_Atomic unsigned rounds;
};

/* Prepare and submit until the iov is no more. What was prepared is waited for. */
static void *keep_preparing(void *arg)
{
	struct preparer *p = arg;
	struct scene *s = p->scene;
	struct hf3fs_cqe cqe;
	int slot;

	for (unsigned n = 0;; n++) {
		uint8_t *at = s->iov.base + n % PIECES * PIECE;

		slot = hf3fs_prep_io(&s->ior, &s->iov, true, at, s->fd, n % 1000, PIECE / 2, NULL);
		if (slot < 0)
			break;
		ring_submit(&s->ior);
		ring_wait(&s->ior, &cqe, 1);
		must(cqe.index == slot, "slot");
		must(cqe.result == PIECE / 2 || cqe.result == -ECANCELED || cqe.result == -EINVAL,
		     "%ld", (long)cqe.result);
		p->rounds++;
	}
	must(slot == -EINVAL, "prep_io: %d", slot);
	return NULL;
}

E2E(iov_destroy, while_another_thread_prepares)
{
	struct scene s;

	scene_open(&s, true);
	for (int i = 0; i < full_or_quick(200, 8); i++) {
		struct preparer p = {.scene = &s};
		pthread_t thread;
		uint8_t *place;

		iov_make(&s.iov, NULL, LEN);
		must(!pthread_create(&thread, NULL, keep_preparing, &p), "thread");
		while (p.rounds < 3)
			nap_ms(0);
		hf3fs_iovdestroy(&s.iov);
		place = occupy(&s, true);
		pthread_join(thread, NULL);
		expect_untouched(&s, place, true);
	}
	scene_close(&s);
}

/* The server sleeps on an I/O that has reached it: destroy waits for it, and takes nothing away. */
E2E(iov_destroy, waits_for_a_server_that_sleeps)
{
	struct hf3fs_ior probe;
	int64_t results[PIECES];
	pthread_t thread;
	struct scene s;
	uint8_t *place;

	e2e_needs_server_process();
	scene_open(&s, true);
	ring_make(&probe, NULL, true, 1);
	cr_assert_eq(ring_io(&s.other_ior, &s.other, s.other.base, s.fd, 0, 1), 1);
	server_pause(&e2e_server);
	begin(&s);
	must(!pthread_create(&thread, NULL, destroy, &s.iov), "thread");
	while (hf3fs_prep_io(&probe, &s.iov, true, s.iov.base, s.fd, 0, 1, NULL) != -EINVAL)
		nap_ms(1);
	nap_ms(50); /* a wrong one gets the time to go wrong */
	cr_assert_eq(pthread_tryjoin_np(thread, NULL), EBUSY);
	cr_assert_eq(msync(s.iov.base, LEN, MS_ASYNC), 0, "its memory is there");
	server_signal(&e2e_server, SIGCONT);
	pthread_join(thread, NULL);
	place = occupy(&s, true);
	finish(&s, results, PIECE);
	expect_untouched(&s, place, true);
	hf3fs_iordestroy(&probe);
	scene_close(&s);
}

/* A server that is no more answers nothing: the end of the connection is answer enough. */
E2E(iov_destroy, of_a_server_that_was_killed)
{
	int64_t results[PIECES];
	pthread_t thread;
	struct scene s;
	uint8_t *place;

	e2e_needs_server_process();
	scene_open(&s, true);
	cr_assert_eq(ring_io(&s.other_ior, &s.other, s.other.base, s.fd, 0, 1), 1);
	server_pause(&e2e_server);
	begin(&s);
	must(!pthread_create(&thread, NULL, destroy, &s.iov), "thread");
	server_kill(&e2e_server);
	pthread_join(thread, NULL);
	place = occupy(&s, true);
	cr_assert(place);
	finish(&s, results, -EREMOTEIO);
	cr_assert_eq(bytes_diff(place, LEN, CANARY), -1);
	munmap(place, LEN);
	scene_close(&s);
}
