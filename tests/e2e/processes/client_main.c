/*
 * A client of its own, for tests that need more than one process.
 *
 *   e2e_client MOUNT own OWN SHARED ID NR   write and read a file of its own, and each NR-th
 *                                           stripe of a shared one; begins when stdin ends
 *   e2e_client MOUNT hold URL               I/O once, then keep iov, ring and file until stdin
 *                                           ends; leaves without giving anything back
 *   e2e_client MOUNT iovopen ID SIZE URL    read the file into another process's iov
 *
 * Exit status 0; the errno when iovopen refuses; SIGABRT and a line for anything wrong.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/processes/clients.h"
#include "tests/e2e/support/io.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"

enum { WAVE = 16 };

static const char *mount;

/* Say that we are there, and wait until the starter closes our stdin. */
static void rendezvous(const char *text)
{
	char c;

	printf("%s\n", text);
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
}

struct worker {
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	unsigned id, nr;
};

/* One wave: pieces first..first + n - 1, each `step` apart in the file. */
static void wave(struct worker *w, bool read, int fd, uint64_t off, uint64_t step, int n)
{
	const struct hf3fs_ior *ior = read ? &w->reads : &w->writes;
	struct hf3fs_cqe cqes[WAVE];

	for (int i = 0; i < n; i++) {
		uint8_t *at = w->iov.base + i * STRIPE;

		if (read)
			memset(at, 0, STRIPE);
		else
			pattern_fill(at, STRIPE, w->id, off + i * step);
		ring_prep(ior, &w->iov, at, fd, off + i * step, STRIPE, at);
	}
	ring_submit(ior);
	ring_wait(ior, cqes, n);
	for (int i = 0; i < n; i++) {
		const uint8_t *at = cqes[i].userdata;

		must(at == w->iov.base + i * STRIPE, "client %u: order", w->id);
		must(cqes[i].result == STRIPE, "client %u: %ld", w->id, (long)cqes[i].result);
		must(pattern_diff(at, STRIPE, w->id, off + i * step) < 0,
		     "client %u: content at "
		     "%lu",
		     w->id, off + i * step);
	}
}

/* Every `step` bytes a stripe of ours. */
static void use_file(struct worker *w, const char *url, uint64_t off, uint64_t step)
{
	int fd = file_reg(url, O_RDWR | O_CREAT);

	for (int first = 0; first < nr_stripes(); first += WAVE)
		wave(w, false, fd, off + first * step, step, WAVE);
	for (int first = 0; first < nr_stripes(); first += WAVE)
		wave(w, true, fd, off + first * step, step, WAVE);
	file_unreg(fd);
}

static int own(char **args)
{
	struct worker w = {.id = atoi(args[2]), .nr = atoi(args[3])};

	ring_make(&w.reads, mount, true, WAVE);
	ring_make(&w.writes, mount, false, WAVE);
	iov_make(&w.iov, mount, WAVE * STRIPE);
	rendezvous("ready");
	for (int i = 0; i < ROUNDS; i++) {
		use_file(&w, args[0], 0, STRIPE);
		use_file(&w, args[1], (uint64_t)w.id * STRIPE, (uint64_t)w.nr * STRIPE);
	}
	hf3fs_iovdestroy(&w.iov);
	hf3fs_iordestroy(&w.reads);
	hf3fs_iordestroy(&w.writes);
	return 0;
}

static int hold(char **args)
{
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	char hex[33];
	int fd;

	ring_make(&ior, mount, true, 8);
	iov_make(&iov, mount, 1 << 20);
	fd = file_reg(args[0], O_RDONLY);
	must(ring_io(&ior, &iov, iov.base, fd, 0, 4096) == 4096, "read");
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", (uint8_t)iov.id[i]);
	rendezvous(hex);
	return 0;
}

static int iovopen(char **args)
{
	size_t size = strtoul(args[1], NULL, 10);
	struct hf3fs_ior ior;
	struct hf3fs_iov iov;
	uint8_t id[16];
	int fd, err;

	for (int i = 0; i < 16; i++)
		must(sscanf(args[0] + 2 * i, "%2hhx", &id[i]) == 1, "id");
	err = hf3fs_iovopen(&iov, id, mount, size, 0, -1);
	if (err)
		return -err;
	fd = file_reg(args[2], O_RDONLY);
	ring_make(&ior, mount, true, 1);
	must(ring_io(&ior, &iov, iov.base, fd, 0, size) == (int64_t)size, "read");
	file_unreg(fd);
	hf3fs_iordestroy(&ior);
	hf3fs_iovdestroy(&iov);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int argc;
		int (*run)(char **args);
	} commands[] = {{"own", 7, own}, {"hold", 4, hold}, {"iovopen", 6, iovopen}};

	mount = argc > 1 ? argv[1] : NULL;
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc > 2 && !strcmp(argv[2], commands[i].name) && argc == commands[i].argc)
			return commands[i].run(argv + 3);
	fprintf(stderr, "usage: see the head of client_main.c\n");
	return 64;
}
