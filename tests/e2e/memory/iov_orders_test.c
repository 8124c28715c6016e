/*
 * An iov's life in every order: opened here and in another process, unlinked, destroyed by its
 * creator, by its opener, by the other process. What each step says, and who can do what after it,
 * follows from what came before; I/O is under way on all that live while each step is taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { SIZE = 20000, FILE_SIZE = 1 << 20, SEED = 6, NR_LOCAL = 2, DEEP = 3 };

struct world {
	struct hf3fs_ior ior;
	struct process peer;
	int fd;
	uint64_t off; /* of the last I/O: each reads something new */

	/* One iov's life. */
	struct hf3fs_iov iov[NR_LOCAL]; /* the creator's, and opened in the same process */
	char hex[33];
	bool lives[NR_LOCAL], peer_lives;
	bool named;
	char taken[256]; /* the steps so far */
};

/* A command of peer_main.c, and the number it answers with. */
__attribute__((format(printf, 2, 3))) static long tell(struct process *peer, const char *fmt, ...)
{
	char line[128];
	va_list ap;

	va_start(ap, fmt);
	must(vdprintf(peer->in, fmt, ap) > 0 && dprintf(peer->in, "\n") == 1, "the peer is gone");
	va_end(ap);
	must(process_line(peer, line, sizeof(line)), "no answer");
	return strtol(line, NULL, 10);
}

static void open_here(struct world *w)
{
	const uint8_t *id = (const uint8_t *)w->iov[0].id;
	int err = hf3fs_iovopen(&w->iov[1], id, e2e_mount, SIZE, 0, -1);

	must(err == (w->named ? 0 : -ENOENT), "%s: %d", w->taken, err);
	w->lives[1] = !err;
}

static void open_there(struct world *w)
{
	long err = tell(&w->peer, "open %s %d", w->hex, SIZE);

	must(err == (w->named ? 0 : ENOENT), "%s: %ld", w->taken, err);
	w->peer_lives = !err;
}

static void unlink_it(struct world *w)
{
	hf3fs_iovunlink(&w->iov[0]);
	w->named = false;
}

static void destroy_creators(struct world *w)
{
	hf3fs_iovdestroy(&w->iov[0]);
	w->lives[0] = w->named = false;
}

static void destroy_opened(struct world *w)
{
	hf3fs_iovdestroy(&w->iov[1]);
	w->lives[1] = false;
}

static void destroy_there(struct world *w)
{
	tell(&w->peer, "destroy");
	w->peer_lives = false;
}

static const struct step {
	const char *name;
	void (*take)(struct world *w);
} steps[] = {{"open here", open_here},
	     {"open there", open_there},
	     {"unlink", unlink_it},
	     {"destroy the creator's", destroy_creators},
	     {"destroy the opened one", destroy_opened},
	     {"destroy there", destroy_there}};

enum { NR_STEPS = sizeof(steps) / sizeof(steps[0]), NR_ORDERS = 720 };

/* The n-th order of the steps. */
static void order(unsigned n, const struct step *out[NR_STEPS])
{
	bool used[NR_STEPS] = {false};

	for (unsigned left = NR_STEPS; left; left--) {
		unsigned skip = n % left, at = 0;

		n /= left;
		while (used[at] || skip--)
			at++;
		used[at] = true;
		out[NR_STEPS - left] = &steps[at];
	}
}

static uint64_t next_off(struct world *w)
{
	w->off = (w->off + 10007) % (FILE_SIZE - SIZE);
	return w->off;
}

/* All that live see what was read into one of them. */
static void expect_bytes(struct world *w, uint64_t off)
{
	for (int i = 0; i < NR_LOCAL; i++)
		must(!w->lives[i] || pattern_diff(w->iov[i].base, SIZE, SEED, off) < 0,
		     "%s: iov %d", w->taken, i);
}

static void use_peer(struct world *w)
{
	if (!w->peer_lives)
		return;
	/* Its I/O is at one offset in the file and in the memory. */
	must(tell(&w->peer, "read %s 0 %d", url_of("file"), SIZE) == SIZE, "%s", w->taken);
	must(tell(&w->peer, "check %d 0 %d", SEED, SIZE) == 1, "%s", w->taken);
	expect_bytes(w, 0);
}

static void use_all(struct world *w)
{
	for (int i = 0; i < NR_LOCAL; i++) {
		uint64_t off = next_off(w);
		int64_t result;

		if (!w->lives[i]) {
			result = hf3fs_prep_io(&w->ior, &w->iov[i], true, w->iov[i].base, w->fd, 0,
					       1, NULL);
			must(result == -EINVAL, "%s: dead iov %d: %ld", w->taken, i, (long)result);
			continue;
		}
		result = ring_io(&w->ior, &w->iov[i], w->iov[i].base, w->fd, off, SIZE);
		must(result == SIZE, "%s: iov %d: %ld", w->taken, i, (long)result);
		expect_bytes(w, off);
	}
	use_peer(w);
}

/* Take a step while the living have I/O under way, all of it of the same bytes. */
static void take(struct world *w, const struct step *step)
{
	struct hf3fs_cqe cqes[NR_LOCAL * DEEP];
	uint64_t off = next_off(w);
	int n = 0;

	for (uintptr_t i = 0; i < NR_LOCAL; i++)
		for (int k = 0; w->lives[i] && k < DEEP; k++, n++)
			ring_prep(&w->ior, &w->iov[i], w->iov[i].base, w->fd, off, SIZE, (void *)i);
	ring_submit(&w->ior);
	snprintf(w->taken + strlen(w->taken), sizeof(w->taken) - strlen(w->taken), ", %s",
		 step->name);
	step->take(w);
	if (n)
		ring_wait(&w->ior, cqes, n);
	for (int k = 0; k < n; k++) {
		bool lives = w->lives[(uintptr_t)cqes[k].userdata];
		int64_t result = cqes[k].result;

		must(result == SIZE || (!lives && result == -ECANCELED), "%s: %ld", w->taken,
		     (long)result);
	}
	if (n)
		expect_bytes(w, off);
}

static void live(struct world *w, unsigned number)
{
	const struct step *steps_of[NR_STEPS];

	order(number, steps_of);
	memset(w->iov, 0, sizeof(w->iov));
	iov_make(&w->iov[0], NULL, SIZE);
	for (int i = 0; i < 16; i++)
		snprintf(w->hex + 2 * i, 3, "%02x", (uint8_t)w->iov[0].id[i]);
	w->lives[0] = w->named = true;
	strcpy(w->taken, "create");
	use_all(w);
	for (int i = 0; i < NR_STEPS; i++) {
		take(w, steps_of[i]);
		use_all(w);
	}
	/* Whatever is left, and all of it once more. */
	for (int i = 0; i < 2; i++) {
		destroy_opened(w);
		destroy_creators(w);
		destroy_there(w);
	}
	open_here(w);
	open_there(w);
}

E2E(iov_orders, create_open_unlink_destroy_in_every_order)
{
	struct world w = {.off = 0};

	file_make("file", SEED, FILE_SIZE);
	w.fd = file_reg(url_of("file"), O_RDONLY);
	ring_make(&w.ior, NULL, true, NR_LOCAL * DEEP);
	process_start(&w.peer, (const char *const[]){E2E_PEER, e2e_mount, NULL}, NULL);
	for (unsigned i = 0; i < NR_ORDERS; i += full_or_quick(1, 41))
		live(&w, i);
	cr_assert_eq(process_wait(&w.peer), 0);
	file_unreg(w.fd);
	hf3fs_iordestroy(&w.ior);
}

/* The name is the creator's: what an opener unlinks or destroys leaves it alone. */
E2E(iov_orders, an_opener_cannot_take_the_name_away)
{
	struct hf3fs_iov iov, opened, again;
	const uint8_t *id = (const uint8_t *)iov.id;

	iov_make(&iov, NULL, SIZE);
	cr_assert_eq(hf3fs_iovopen(&opened, id, e2e_mount, SIZE, 0, -1), 0);
	hf3fs_iovunlink(&opened);
	cr_assert_eq(hf3fs_iovopen(&again, id, e2e_mount, SIZE, 0, -1), 0);
	hf3fs_iovdestroy(&again);
	hf3fs_iovdestroy(&opened);
	cr_assert_eq(hf3fs_iovopen(&again, id, e2e_mount, SIZE, 0, -1), 0);
	hf3fs_iovunlink(&iov);
	hf3fs_iovunlink(&iov);
	cr_assert_eq(hf3fs_iovopen(&opened, id, e2e_mount, SIZE, 0, -1), -ENOENT);
	hf3fs_iovdestroy(&again);
	hf3fs_iovdestroy(&iov);
}
