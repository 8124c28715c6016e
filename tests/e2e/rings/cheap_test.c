/* Rings, iovs, wrapped memory and files made for one I/O each: what that costs, in what can be
 * counted: messages, connections, descriptors, memory. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"
#include "tests/e2e/support/traces.h"

enum { BLOCK = 4096, SEED = 7 };

/* Of the connection that the first call makes. */
static struct usrbio_counters count(void)
{
	struct usrbio_counters counters;
	uint64_t ns;

	must(!usrbio_ping(e2e_mount, &ns), "usrbio_ping");
	must(!usrbio_counters(e2e_mount, &counters), "usrbio_counters");
	return counters;
}

/* What was sent, received and done since then; the ping of counting is none of it. */
static struct usrbio_counters since(const struct usrbio_counters *before)
{
	struct usrbio_counters now = count();

	return (struct usrbio_counters){
		.ios = now.ios - before->ios,
		.msgs_sent = now.msgs_sent - before->msgs_sent - 1,
		.msgs_received = now.msgs_received - before->msgs_received + now.imms_received -
				 before->imms_received - 1,
	};
}

static void expect_silence_since(const struct usrbio_counters *before)
{
	struct usrbio_counters seen = since(before);

	cr_assert_eq(seen.msgs_sent, 0);
	cr_assert_eq(seen.msgs_received, 0);
}

/* The file "f", of eight blocks of the pattern. */
static int make_file(void)
{
	file_make("f", SEED, 8 * BLOCK);
	return file_reg(url_of("f"), O_RDONLY);
}

static void read_block(const struct hf3fs_ior *ior, const struct hf3fs_iov *iov, int fd, int i)
{
	uint64_t off = (uint64_t)(i % 8) * BLOCK;

	must(ring_io(ior, iov, iov->base, fd, off, BLOCK) == BLOCK, "a block");
	must(pattern_diff(iov->base, BLOCK, SEED, off) < 0, "the block at %lu", off);
}

static void make_and_end_ring(int entries)
{
	struct hf3fs_ior ior;

	ring_make(&ior, NULL, true, entries);
	hf3fs_iordestroy(&ior);
}

E2E(cheap, a_ring_is_made_and_ended_without_a_message)
{
	static const int entries[] = {1, 32, 1024, 102400};
	struct usrbio_counters before = count();

	for (int i = 0; i < 1000; i++)
		make_and_end_ring(entries[i % 4]);
	expect_silence_since(&before);
}

E2E(cheap, a_ring_has_no_connection_of_its_own)
{
	struct hf3fs_ior rings[300];
	unsigned here, there;

	e2e_needs_server_process();
	count();
	here = process_fds(getpid());
	there = server_fds();
	for (int i = 0; i < 300; i++)
		ring_make(&rings[i], NULL, i % 2, 1 + i);
	count(); /* what the server does for us is behind it */
	cr_assert_eq(process_fds(getpid()), here);
	cr_assert_leq(server_fds(), there);
	for (int i = 0; i < 300; i++)
		hf3fs_iordestroy(&rings[i]);
}

E2E(cheap, an_iov_without_io_is_made_and_ended_without_a_message)
{
	struct usrbio_counters before = count();
	struct hf3fs_iov iov;

	for (int i = 0; i < 1000; i++) {
		iov_make(&iov, NULL, 1 + i * 100);
		hf3fs_iovdestroy(&iov);
	}
	expect_silence_since(&before);
}

/*
 * Known to the server, read into, forgotten: three messages and an answer to two of them. On a slow
 * machine there are some pings, but not one for each second I/O.
 */
E2E(cheap, a_ring_and_an_iov_for_each_io)
{
	int fd = make_file(), n = full_or_quick(1000, 100);
	struct usrbio_counters before = count();
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	for (int i = 0; i < n; i++) {
		ring_make(&ior, NULL, true, 1);
		iov_make(&iov, NULL, BLOCK);
		cr_assert_eq(bytes_diff(iov.base, BLOCK, 0), -1, "fresh memory is zero");
		read_block(&ior, &iov, fd, i);
		hf3fs_iovdestroy(&iov);
		hf3fs_iordestroy(&ior);
	}
	cr_assert_lt(since(&before).msgs_sent, 3 * n + n / 2);
	file_unreg(fd);
}

static void wrap(struct hf3fs_iov *iov, void *memory)
{
	static const uint8_t id[16] = {1, 2, 3};

	must(!hf3fs_iovwrap(iov, memory, id, e2e_mount, 8 * BLOCK, 0, -1), "iovwrap");
}

/* Alike but for the memory, which the server must be told of once. */
static void check_wraps(bool ring_per_io)
{
	static char memory[8 * BLOCK];
	int fd = make_file(), n = full_or_quick(1000, 100);
	struct usrbio_counters before = count();
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	for (int i = 0; i < n; i++) {
		if (ring_per_io || !i)
			ring_make(&ior, NULL, true, 1);
		wrap(&iov, memory);
		read_block(&ior, &iov, fd, i);
		if (ring_per_io || i == n - 1)
			hf3fs_iordestroy(&ior);
	}
	cr_assert_geq(since(&before).msgs_sent, n + 1);
	cr_assert_lt(since(&before).msgs_sent, n + n / 2);
	file_unreg(fd);
}

E2E(cheap, memory_wrapped_for_each_io_is_announced_once)
{
	check_wraps(false);
}

E2E(cheap, memory_wrapped_for_a_ring_of_each_io_is_announced_once)
{
	check_wraps(true);
}

E2E(cheap, a_file_of_ours_is_registered_without_a_message)
{
	int fd = make_file();
	struct usrbio_counters before = count();

	for (int i = 0; i < 1000; i++) {
		hf3fs_dereg_fd(fd);
		cr_assert_leq(hf3fs_reg_fd(fd, 0), 0);
	}
	expect_silence_since(&before);
	file_unreg(fd);
}

/* Open, read, close: a message each, and an answer. */
E2E(cheap, a_file_opened_registered_read_and_closed_for_each_io)
{
	int n = full_or_quick(1000, 100);
	struct usrbio_counters before;
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	file_unreg(make_file());
	ring_make(&ior, NULL, true, 1);
	iov_make(&iov, NULL, BLOCK);
	before = count();
	for (int i = 0; i < n; i++) {
		int fd = file_reg(url_of("f"), O_RDONLY);

		read_block(&ior, &iov, fd, i);
		file_unreg(fd);
	}
	/* And the iov made known, and the file closed before. */
	cr_assert_leq(since(&before).msgs_sent, 3 * n + 2);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
}

E2E(cheap, a_closed_file_is_closed_at_the_server_though_nothing_follows)
{
	unsigned before;
	int fds[100];

	e2e_needs_server_process();
	file_unreg(make_file());
	before = settled_server_fds();
	for (int i = 0; i < 100; i++)
		fds[i] = file_reg(url_of("f"), O_RDONLY);
	cr_assert_geq(server_fds(), before + 100);
	for (int i = 0; i < 100; i++)
		file_unreg(fds[i]);
	await_server_fds(before);
}

/* Nobody uses the mount between two I/Os. */
E2E(cheap, a_mount_between_two_uses_stays_connected)
{
	int n = full_or_quick(300, 30);
	struct usrbio_counters before;

	file_unreg(make_file());
	before = count();
	for (int i = 0; i < n; i++) {
		int fd = file_reg(url_of("f"), O_RDONLY);
		struct hf3fs_ior ior;
		struct hf3fs_iov iov;

		ring_make(&ior, NULL, true, 1);
		iov_make(&iov, NULL, BLOCK);
		read_block(&ior, &iov, fd, i);
		hf3fs_iovdestroy(&iov);
		hf3fs_iordestroy(&ior);
		file_unreg(fd);
	}
	cr_assert_eq(since(&before).ios, n, "the counters begin anew with a connection");
}

/* The table and its own file say nothing any more, and nobody asks them. */
E2E(cheap, a_directory_in_use_is_not_looked_up_again)
{
	struct hf3fs_ior first, second;
	char other[256];

	e2e_needs_local_files();
	cr_assert_eq(run(E2E_TOOL, "attach", e2e_mount, e2e_dir), 0);
	if (strlen(e2e_dir) > 250)
		cr_skip_test("the scratch directory's name is too long for a mount point");
	ring_make(&first, e2e_dir, true, 1);
	cr_assert_eq(run(E2E_TOOL, "detach", e2e_dir), 0);
	ring_make(&second, e2e_dir, true, 1);
	snprintf(other, sizeof(other), "%s/", e2e_dir);
	hf3fs_iordestroy(&second);
	cr_assert_eq(hf3fs_iorcreate4(&second, other, 1, true, 0, 0, -1, 0), -ENOENT);
	hf3fs_iordestroy(&first);
}

/* Lines of /proc/self/maps that are memory of iovs. */
static unsigned nr_iov_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[1024];
	unsigned n = 0;

	must(file, "/proc/self/maps");
	while (fgets(line, sizeof(line), file))
		n += !!strstr(line, "/memfd:usrbio-");
	fclose(file);
	return n;
}

static size_t heap_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void make_and_end_everything(int fd, int i)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	ring_make(&ior, NULL, true, 1 + i % 2000);
	iov_make(&iov, NULL, BLOCK * (1 + i % 4));
	if (i % 10 == 0)
		read_block(&ior, &iov, fd, i);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&ior);
}

E2E(cheap, ten_thousand_rings_and_iovs_leave_nothing)
{
	int fd = make_file(), n = full_or_quick(10000, 1000);
	unsigned fds;
	size_t heap;

	for (int i = 0; i < 100; i++)
		make_and_end_everything(fd, i);
	fds = process_fds(getpid());
	heap = heap_in_use();
	for (int i = 0; i < n; i++)
		make_and_end_everything(fd, i);
	cr_assert_eq(process_fds(getpid()), fds);
	cr_assert_eq(nr_iov_mappings(), 0);
	cr_assert_leq(heap_in_use(), heap + 65536);
	file_unreg(fd);
}

enum { THREADS = 32 };

struct maker {
	pthread_t thread;
	int fd;
};

static void *make_ring_per_io(void *arg)
{
	const struct maker *maker = arg;
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;

	iov_make(&iov, NULL, BLOCK);
	for (int i = 0; i < full_or_quick(200, 20); i++) {
		ring_make(&ior, NULL, true, 1);
		read_block(&ior, &iov, maker->fd, i);
		hf3fs_iordestroy(&ior);
	}
	hf3fs_iovdestroy(&iov);
	return NULL;
}

E2E(cheap, thirty_two_threads_make_a_ring_for_each_io)
{
	struct maker makers[THREADS];
	int fd = make_file(), n = full_or_quick(200, 20);
	struct usrbio_counters before = count(), seen;

	for (int i = 0; i < THREADS; i++) {
		makers[i].fd = fd;
		must(!pthread_create(&makers[i].thread, NULL, make_ring_per_io, &makers[i]),
		     "thread");
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(makers[i].thread, NULL);
	seen = since(&before);
	cr_assert_eq(seen.ios, THREADS * n);
	/* One for each I/O, and the iov of each thread made known and forgotten. */
	cr_assert_leq(seen.msgs_sent, THREADS * (n + 2));
	file_unreg(fd);
}
