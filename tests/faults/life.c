/*
 * A client's life, for the sweep: open, write, read, sync, close, destroy, on files of its own. It
 * may fail, with an errno and once per I/O; then it lives again, and soon it has to succeed. What
 * is worse than failing is told on a line that begins with "wrong". One thread.
 *
 * usage: faults_life MOUNT [DESCRIPTORS]
 *
 * Lines: "stored FILE OFF LEN" is a write that succeeded, "life N ok" or "life N failed: CALL:
 * ERROR" an end, and "fds N" how many descriptors there are after the last, once there are no more
 * than DESCRIPTORS or that takes too long.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"

#define PERIOD	    251 /* of the bytes in a file, so that no two blocks are alike */
#define STUCK_S	    30
#define RECOVERY_MS 30000
#define SETTLE_MS   5000
#define ERRNO_MAX   4095

static const struct {
	size_t off, len;
} pieces[] = {{0, 100}, {100, 20000}, {20100, 300000}};

#define NR   (sizeof(pieces) / sizeof(pieces[0]))
#define SIZE 320100

struct life {
	const char *mount;
	int number;
	bool failed;
	bool stored[NR];
	struct hf3fs_iov iov;
	struct hf3fs_ior writer, reader;
	int fd;
};

static bool wrong;

static void tell_wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void tell_wrong(const char *fmt, ...)
{
	va_list args;

	wrong = true;
	fputs("wrong: ", stdout);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* True if the call succeeded; the first that did not is told. */
static bool did(struct life *life, const char *call, int64_t result)
{
	if (result >= 0)
		return true;
	if (result < -ERRNO_MAX)
		tell_wrong("%s: no errno: %lld", call, (long long)result);
	if (!life->failed)
		printf("life %d failed: %s: %s\n", life->number, call, strerror((int)-result));
	life->failed = true;
	return false;
}

static uint8_t byte_at(const struct life *life, size_t off)
{
	return (uint8_t)((off + (size_t)life->number * 7) % PERIOD);
}

static bool is_pattern(const struct life *life, size_t off, size_t len)
{
	const uint8_t *bytes = life->iov.base;

	for (size_t i = off; i < off + len; i++)
		if (bytes[i] != byte_at(life, i))
			return false;
	return true;
}

/* Exactly one completion for each I/O. */
static bool collect(struct hf3fs_ior *ring, int64_t *results, int nr)
{
	struct hf3fs_cqe cqes[NR + 1];
	struct timespec until;
	bool seen[NR] = {false};
	int got;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STUCK_S;
	got = hf3fs_wait_for_ios(ring, cqes, nr, nr, &until);
	if (got != nr) {
		tell_wrong("%d of %d completions", got, nr);
		return false;
	}
	for (int i = 0; i < nr; i++) {
		size_t which = (size_t)(uintptr_t)cqes[i].userdata;

		if (which >= NR || seen[which]) {
			tell_wrong("a completion for nothing, %zu", which);
			return false;
		}
		seen[which] = true;
		results[which] = cqes[i].result;
	}
	until.tv_sec = 0;
	got = hf3fs_wait_for_ios(ring, cqes, NR + 1, 0, &until);
	if (got)
		tell_wrong("%d more completions than I/Os", got);
	return true;
}

/* All pieces by one batch. False when not even that could be done. */
static bool transfer(struct life *life, struct hf3fs_ior *ring, bool read, int64_t *results)
{
	int err;

	for (size_t i = 0; i < NR; i++) {
		err = hf3fs_prep_io(ring, &life->iov, read, life->iov.base + pieces[i].off,
				    life->fd, pieces[i].off, pieces[i].len, (void *)(uintptr_t)i);
		if (err < 0) {
			tell_wrong("prep_io: %s", strerror(-err));
			return false;
		}
	}
	err = hf3fs_submit_ios(ring);
	if (err) {
		tell_wrong("submit_ios: %s", strerror(-err));
		return false;
	}
	return collect(ring, results, NR);
}

static void write_all(struct life *life)
{
	int64_t results[NR];

	for (size_t i = 0; i < SIZE; i++)
		life->iov.base[i] = byte_at(life, i);
	if (!transfer(life, &life->writer, false, results))
		return;
	for (size_t i = 0; i < NR; i++) {
		if (!did(life, "write", results[i]))
			continue;
		life->stored[i] = true;
		if (results[i] != (int64_t)pieces[i].len)
			tell_wrong("a write of %zu bytes gave %lld", pieces[i].len,
				   (long long)results[i]);
		printf("stored f%d %zu %zu\n", life->number, pieces[i].off, pieces[i].len);
	}
}

static void check_read(struct life *life, size_t i, int64_t result, bool all_stored)
{
	size_t len = pieces[i].len;

	if (!did(life, "read", result))
		return;
	if (result > (int64_t)len || (all_stored && result != (int64_t)len))
		tell_wrong("a read of %zu bytes gave %lld", len, (long long)result);
	else if (life->stored[i] &&
		 (result != (int64_t)len || !is_pattern(life, pieces[i].off, len)))
		tell_wrong("a read at %zu gave %lld and not what was written", pieces[i].off,
			   (long long)result);
}

static void read_all(struct life *life)
{
	bool all = life->stored[0] && life->stored[1] && life->stored[2];
	int64_t results[NR];

	memset(life->iov.base, 0xff, SIZE);
	if (!transfer(life, &life->reader, true, results))
		return;
	for (size_t i = 0; i < NR; i++)
		check_read(life, i, results[i], all);
}

/* Memory of the program's own, the same for all lives. */
static void read_wrapped(struct life *life)
{
	static const uint8_t id[16] = "faults_life.wrap";
	static uint8_t memory[4096];
	int64_t results[NR];
	struct hf3fs_iov iov;
	int err;

	if (!did(life, "iovwrap",
		 hf3fs_iovwrap(&iov, memory, id, life->mount, sizeof(memory), 0, -1)))
		return;
	err = hf3fs_prep_io(&life->reader, &iov, true, memory, life->fd, 0, 100, NULL);
	if (did(life, "prep_io", err < 0 ? err : 0) && !hf3fs_submit_ios(&life->reader) &&
	    collect(&life->reader, results, 1) && did(life, "read", results[0]) &&
	    results[0] == 100 && life->stored[0])
		for (size_t i = 0; i < 100; i++)
			if (memory[i] != byte_at(life, i)) {
				tell_wrong("wrapped memory holds at %zu what was not written", i);
				break;
			}
}

static void list(struct life *life)
{
	struct usrbio_dir *dir;
	struct usrbio_dirent entry;
	int more = 1;
	bool found = false;
	char own[16];

	snprintf(own, sizeof(own), "f%d", life->number);
	if (!did(life, "opendir", usrbio_opendir(life->mount, &dir)))
		return;
	while (did(life, "readdir", more) && (more = usrbio_readdir(dir, &entry)) > 0)
		found |= !strcmp(entry.name, own);
	if (!more && !found)
		tell_wrong("%s is not listed", own);
	usrbio_closedir(dir);
}

static void count_row(void *arg, const struct usrbio_server_counters *row)
{
	++*(int *)arg;
}

static void ask(struct life *life)
{
	uint64_t ns;
	int rows = 0;

	did(life, "ping", usrbio_ping(life->mount, &ns));
	if (did(life, "counters", usrbio_server_counters(life->mount, count_row, &rows)) && !rows)
		tell_wrong("no counters");
}

static void use(struct life *life)
{
	bool all;
	struct usrbio_stat st;

	write_all(life);
	read_all(life);
	read_wrapped(life);
	list(life);
	ask(life);
	did(life, "fsync", usrbio_fsync(life->fd));
	all = life->stored[0] && life->stored[1] && life->stored[2];
	if (did(life, "fstat", usrbio_fstat(life->fd, &st)) && all && st.size != SIZE)
		tell_wrong("the size is %llu", (unsigned long long)st.size);
}

static void with_rings(struct life *life)
{
	if (!did(life, "iovcreate", hf3fs_iovcreate(&life->iov, life->mount, SIZE, 0, -1)))
		return;
	if (!did(life, "iorcreate",
		 hf3fs_iorcreate4(&life->writer, life->mount, NR, false, 0, 0, -1, 0)))
		goto out_iov;
	if (!did(life, "iorcreate",
		 hf3fs_iorcreate4(&life->reader, life->mount, NR, true, 0, 0, -1, 0)))
		goto out_writer;
	use(life);
	hf3fs_iordestroy(&life->reader);
out_writer:
	hf3fs_iordestroy(&life->writer);
out_iov:
	hf3fs_iovdestroy(&life->iov);
}

static bool live(const char *mount, int number)
{
	struct life life = {.mount = mount, .number = number};
	char url[512];
	int err;

	snprintf(url, sizeof(url), "%s/f%d", mount, number);
	life.fd = usrbio_open(url, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (!did(&life, "open", life.fd))
		return false;
	err = hf3fs_reg_fd(life.fd, 0);
	if (did(&life, "reg_fd", err > 0 ? -err : 0)) {
		with_rings(&life);
		hf3fs_dereg_fd(life.fd);
	}
	did(&life, "close", usrbio_close(life.fd));
	if (!life.failed)
		printf("life %d ok\n", number);
	return !life.failed;
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Until two running succeed: what the first left behind must not hurt the second. */
int main(int argc, char **argv)
{
	int64_t until = now_ms() + RECOVERY_MS;
	int good = 0, bad = 0;

	if (argc < 2)
		return 2;
	alarm(4 * STUCK_S);
	for (int i = 1; good < 2 && !wrong; i++) {
		bool ok = live(argv[1], i);

		good = ok ? good + 1 : 0;
		bad = ok ? 0 : bad + 1;
		if (bad > 1 && now_ms() > until)
			tell_wrong("it does not recover");
		/* A server that was lost may be asked again every now and then only. */
		if (bad > 1)
			usleep(20000);
	}
	/* A connection that is over may take its time to go. */
	until = now_ms() + SETTLE_MS;
	while (argc > 2 && count_fds() > (unsigned)atoi(argv[2]) && now_ms() < until)
		usleep(10000);
	printf("fds %u\n", count_fds());
	return wrong;
}
