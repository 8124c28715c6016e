/* Memory that processes share by id: bytes, I/O, deaths and strangers. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/child.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/traces.h"

enum { SIZE = 100000 };

static void peer_start(struct process *peer)
{
	process_start(peer, (const char *const[]){E2E_PEER, e2e_mount, NULL}, NULL);
}

/* A command and its answer; head of peer_main.c. */
__attribute__((format(printf, 2, 3))) static const char *tell(struct process *peer, const char *fmt,
							      ...)
{
	static char line[128];
	va_list ap;

	va_start(ap, fmt);
	must(vdprintf(peer->in, fmt, ap) > 0 && dprintf(peer->in, "\n") == 1, "the peer is gone");
	va_end(ap);
	must(process_line(peer, line, sizeof(line)), "no answer");
	return line;
}

static void hex_of(const struct hf3fs_iov *iov, char hex[33])
{
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", (uint8_t)iov->id[i]);
}

static int open_hex(struct hf3fs_iov *iov, const char *hex, const char *mount)
{
	uint8_t id[16];

	for (int i = 0; i < 16; i++)
		must(sscanf(hex + 2 * i, "%2hhx", &id[i]) == 1, "%s", hex);
	return hf3fs_iovopen(iov, id, mount, SIZE, 0, -1);
}

/* The peer makes one: its id. */
static void peer_create(struct process *peer, char hex[33])
{
	snprintf(hex, 33, "%s", tell(peer, "create %d", SIZE));
	cr_assert_eq(strlen(hex), 32);
}

/* Read the file into all of an opened iov, through a ring of our own. */
static void use(const struct hf3fs_iov *iov, const char *mount, const char *url)
{
	struct hf3fs_ior ior;
	int fd = file_reg(url, O_RDONLY);

	ring_make(&ior, mount, true, 1);
	memset(iov->base, 0, SIZE);
	must(ring_io(&ior, iov, iov->base, fd, 0, SIZE) == SIZE, "read");
	must(pattern_diff(iov->base, SIZE, 3, 0) < 0, "content");
	hf3fs_iordestroy(&ior);
	file_unreg(fd);
}

E2E(share, both_do_io_and_see_each_others_bytes)
{
	const int third = SIZE / 3;
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	struct process peer;
	char hex[33];
	int in, out;

	file_make("in", 3, SIZE);
	in = file_reg(url_of("in"), O_RDONLY);
	out = file_reg(url_of("out"), O_WRONLY | O_CREAT);
	ring_make(&reads, NULL, true, 1);
	ring_make(&writes, NULL, false, 1);
	iov_make(&iov, NULL, SIZE);
	hex_of(&iov, hex);
	peer_start(&peer);
	cr_assert_str_eq(tell(&peer, "open %s %d", hex, SIZE), "0");
	for (int i = 0; i < full_or_quick(20, 3); i++) {
		memset(iov.base, 0, SIZE);
		/* What our I/O brings, the peer sees; what its I/O brings, we see. */
		cr_assert_eq(ring_io(&reads, &iov, iov.base, in, 0, third), third);
		cr_assert_str_eq(tell(&peer, "check 3 0 %d", third), "1");
		cr_assert_eq(atoi(tell(&peer, "read %s %d %d", url_of("in"), third, third)), third);
		cr_assert_lt(pattern_diff(iov.base + third, third, 3, third), 0);
		/* What either stores, the other's I/O takes. */
		cr_assert_str_eq(tell(&peer, "fill %d 0 %d", i + 10, third), "0");
		cr_assert_eq(ring_io(&writes, &iov, iov.base, out, 0, third), third);
		file_check("out", i + 10, 0, third);
		pattern_fill(iov.base + third, third, i + 20, third);
		cr_assert_eq(atoi(tell(&peer, "write %s %d %d", url_of("out"), third, third)),
			     third);
		file_check("out", i + 20, third, third);
	}
	/* What the opener ends, the creator keeps. */
	cr_assert_str_eq(tell(&peer, "destroy"), "0");
	use(&iov, NULL, url_of("in"));
	cr_assert_str_eq(tell(&peer, "open %s %d", hex, SIZE), "0");
	/* And what the creator ends, the opener keeps. */
	hf3fs_iovdestroy(&iov);
	cr_assert_eq(atoi(tell(&peer, "read %s 0 %d", url_of("in"), SIZE)), SIZE);
	cr_assert_str_eq(tell(&peer, "check 3 0 %d", SIZE), "1");
	cr_assert_eq(atoi(tell(&peer, "open %s %d", hex, SIZE)), ENOENT);
	cr_assert_eq(process_wait(&peer), 0);
	file_unreg(in);
	file_unreg(out);
	hf3fs_iordestroy(&reads);
	hf3fs_iordestroy(&writes);
}

E2E(share, an_unlinked_iov_is_not_found_and_goes_on)
{
	struct hf3fs_iov iov, again;
	struct process peer;
	char hex[33];

	file_make("in", 3, SIZE);
	peer_start(&peer);
	peer_create(&peer, hex);
	cr_assert_eq(open_hex(&iov, hex, e2e_mount), 0);
	cr_assert_str_eq(tell(&peer, "unlink"), "0");
	cr_assert_eq(open_hex(&again, hex, e2e_mount), -ENOENT);
	use(&iov, NULL, url_of("in"));
	cr_assert_str_eq(tell(&peer, "check 3 0 %d", SIZE), "1");
	cr_assert_str_eq(tell(&peer, "fill 4 0 %d", SIZE), "0");
	cr_assert_lt(pattern_diff(iov.base, SIZE, 4, 0), 0);
	hf3fs_iovdestroy(&iov);
	cr_assert_eq(process_wait(&peer), 0);
}

struct opener {
	struct hf3fs_iov iov;
	const char *url;
	pthread_mutex_t lock;
	pthread_cond_t counted;
	unsigned rounds; /* under lock */
	bool stop;
};

static void *keep_using(void *arg)
{
	struct opener *o = arg;
	bool stop;

	do {
		use(&o->iov, NULL, o->url);
		pthread_mutex_lock(&o->lock);
		o->rounds++;
		stop = o->stop;
		pthread_cond_broadcast(&o->counted);
		pthread_mutex_unlock(&o->lock);
	} while (!stop);
	return NULL;
}

static void await_rounds(struct opener *o, unsigned more)
{
	pthread_mutex_lock(&o->lock);
	for (unsigned until = o->rounds + more; o->rounds < until;)
		pthread_cond_wait(&o->counted, &o->lock);
	pthread_mutex_unlock(&o->lock);
}

/* The creator dies in the midst of the opener's I/O, which does not notice. */
E2E(share, a_killed_creator_leaves_the_opener_its_memory)
{
	char url[1024], hex[33];

	file_make("in", 3, SIZE);
	snprintf(url, sizeof(url), "%s", url_of("in"));
	for (int i = 0; i < full_or_quick(20, 3); i++) {
		struct opener o = {.url = url,
				   .lock = PTHREAD_MUTEX_INITIALIZER,
				   .counted = PTHREAD_COND_INITIALIZER};
		struct hf3fs_iov again;
		struct process peer;
		pthread_t thread;

		peer_start(&peer);
		peer_create(&peer, hex);
		cr_assert_eq(open_hex(&o.iov, hex, e2e_mount), 0);
		cr_assert_eq(pthread_create(&thread, NULL, keep_using, &o), 0);
		await_rounds(&o, 2);
		cr_assert_eq(kill(peer.pid, SIGKILL), 0);
		cr_assert_eq(process_wait(&peer), 128 + SIGKILL);
		await_rounds(&o, 3);
		cr_assert_eq(open_hex(&again, hex, e2e_mount), -ENOENT);
		expect_no_name(hex);
		o.stop = true;
		pthread_join(thread, NULL);
		hf3fs_iovdestroy(&o.iov);
	}
}

/* Run in a child; what it returns must be true. */
static void in_child(bool (*body)(const char *hex), const char *hex)
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (!pid) {
		alarm(120);
		_exit(!body(hex));
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "the child's status is %#x", status);
}

/* At the beginning of a case whose parent has threads when it forks: see child.h. */
static void needs_children_that_allocate(void)
{
	if (!CHILD_MAY_ALLOCATE)
		cr_skip_test("a child of threads may hang in AddressSanitizer's malloc");
}

static bool opens_and_uses(const char *hex)
{
	struct hf3fs_iov iov;

	if (open_hex(&iov, hex, e2e_mount))
		return false;
	use(&iov, NULL, url_of("in"));
	hf3fs_iovdestroy(&iov);
	return true;
}

static bool finds_nothing(const char *hex)
{
	struct hf3fs_iov iov;

	return open_hex(&iov, hex, e2e_mount) == -ENOENT;
}

/* Creator, opener, and the opener's child, which opens it by id itself. */
E2E(share, a_child_of_the_opener_opens_it_too)
{
	struct hf3fs_iov iov;
	struct process peer;
	char hex[33];

	needs_children_that_allocate();
	file_make("in", 3, SIZE);
	peer_start(&peer);
	peer_create(&peer, hex);
	cr_assert_eq(open_hex(&iov, hex, e2e_mount), 0);
	use(&iov, NULL, url_of("in"));
	memset(iov.base, 0, SIZE);
	in_child(opens_and_uses, hex);
	cr_assert_lt(pattern_diff(iov.base, SIZE, 3, 0), 0);
	cr_assert_str_eq(tell(&peer, "check 3 0 %d", SIZE), "1");
	cr_assert_eq(process_wait(&peer), 0);
	in_child(finds_nothing, hex);
	use(&iov, NULL, url_of("in"));
	hf3fs_iovdestroy(&iov);
}

E2E(share, a_forked_child_of_the_creator_opens_it_by_id)
{
	struct hf3fs_iov iov;
	char hex[33];

	needs_children_that_allocate();
	file_make("in", 3, SIZE);
	iov_make(&iov, NULL, SIZE);
	hex_of(&iov, hex);
	use(&iov, NULL, url_of("in"));
	for (int i = 0; i < 3; i++) {
		memset(iov.base, 0, SIZE);
		in_child(opens_and_uses, hex);
		cr_assert_lt(pattern_diff(iov.base, SIZE, 3, 0), 0, "the same memory");
		use(&iov, NULL, url_of("in"));
	}
	hf3fs_iovdestroy(&iov);
	in_child(finds_nothing, hex);
}

static bool is_denied_to_nobody(const char *hex)
{
	struct hf3fs_iov iov;

	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		return false;
	/* Any mount will do, it does not come to a connection; ours may be a directory of root. */
	return open_hex(&iov, hex, "tcp://127.0.0.1:1/any") == -EPERM;
}

/* Every bit, but those that make a UUID of it. */
E2E(share, ids_are_drawn)
{
	uint8_t any[16] = {0}, all[16], ids[64][16];
	struct hf3fs_iov iov;

	memset(all, 0xff, sizeof(all));
	for (int n = 0; n < 64; n++) {
		iov_make(&iov, NULL, 4096);
		memcpy(ids[n], iov.id, sizeof(ids[n]));
		hf3fs_iovdestroy(&iov);
		for (int i = 0; i < 16; i++) {
			any[i] |= ids[n][i];
			all[i] &= ids[n][i];
		}
		for (int other = 0; other < n; other++)
			cr_assert_neq(memcmp(ids[n], ids[other], sizeof(ids[n])), 0);
	}
	for (int i = 0; i < 16; i++) {
		uint8_t fixed = i == 6 ? 0xf0 : i == 8 ? 0xc0 : 0;

		cr_expect_eq((any[i] & ~all[i]) | fixed, 0xff, "byte %d", i);
	}
}

E2E(share, another_user_is_refused)
{
	struct hf3fs_iov iov;
	char hex[33];

	if (geteuid())
		cr_skip_test("only root can become another user");
	file_make("in", 3, SIZE);
	iov_make(&iov, NULL, SIZE);
	hex_of(&iov, hex);
	in_child(is_denied_to_nobody, hex);
	use(&iov, NULL, url_of("in"));
	hf3fs_iovdestroy(&iov);
}

/* An id is of this host: memory made for one mount may be opened for another. */
E2E(share, an_id_of_another_mount)
{
	struct hf3fs_iov iov, other;
	struct hf3fs_ior ior;
	char hex[33];
	int fd;

	if (!e2e_read_only[0])
		cr_skip_test("one export only");
	file_make("in", 3, SIZE);
	iov_make(&iov, NULL, SIZE);
	hex_of(&iov, hex);
	cr_assert_eq(open_hex(&other, hex, e2e_read_only), 0);
	cr_assert_str_eq(other.mount_point, e2e_read_only);
	pattern_fill(iov.base, SIZE, 5, 0);
	cr_assert_lt(pattern_diff(other.base, SIZE, 5, 0), 0);
	fd = file_reg(url_of("in"), O_RDONLY);
	ring_make(&ior, NULL, true, 1);
	cr_assert_eq(hf3fs_prep_io(&ior, &other, true, other.base, fd, 0, 1, NULL), -EXDEV);
	hf3fs_iovdestroy(&other);
	cr_assert_eq(ring_io(&ior, &iov, iov.base, fd, 0, SIZE), SIZE);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
	file_unreg(fd);
}
