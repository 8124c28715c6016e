/*
 * A client of an evil server: a thread's whole life of a file, with a ring each way, memory between
 * canaries, and a count of what completes. Whatever it is told, it ends, and believes nothing
 * wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"
#include "tests/support/process.h"
#include "tests/evil/servers/hostile.h"

#define WRAPPED	    65536u
#define SIDE	    65536u
#define LEN	    8192u
#define READ_AT	    16384u /* in the wrapped memory */
#define WRITE_AT    32768u
#define READ_OFF    4096u /* in the file */
#define WRITTEN_OFF 40960u
#define WRITE_SEED  33u
#define CANARY	    0x5a
#define TRIES	    100

struct victim {
	const struct server_lie *lie;
	struct hostile_peer peer;
	unsigned escapes;
	uint8_t *memory; /* SIDE, WRAPPED, SIDE */
	struct hf3fs_iov wrapped;
	struct hf3fs_ior reads, writes;
	int fd;
	bool wrote;
};

static void escape(struct victim *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void escape(struct victim *v, const char *fmt, ...)
{
	va_list args;

	v->escapes++;
	printf("evil: server %s: ", v->lie->name);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

static char *url(struct victim *v, char name[128])
{
	snprintf(name, 128, "%s/file", v->peer.mount);
	return name;
}

/* The lie may cost the first attempts. */
static bool open_file(struct victim *v)
{
	char name[128];

	v->fd = -1;
	for (int i = 0; i < (v->lie->verdict == LATE ? 1 : TRIES) && v->fd < 0; i++) {
		if (i)
			nap_ms(1); /* what has just failed is not tried again at once */
		v->fd = usrbio_open(url(v, name), O_RDWR, 0);
		if (v->fd >= 0 && hf3fs_reg_fd(v->fd, 0) > 0) {
			usrbio_close(v->fd);
			v->fd = -1;
		}
	}
	return v->fd >= 0;
}

static void close_file(struct victim *v)
{
	if (v->fd < 0)
		return;
	hf3fs_dereg_fd(v->fd);
	usrbio_close(v->fd);
	v->fd = -1;
}

/* One I/O: exactly one completion, and its result. */
static int64_t transfer(struct victim *v, const struct hf3fs_ior *ior, const struct hf3fs_iov *iov,
			uint32_t at, uint64_t off)
{
	struct hf3fs_cqe cqes[2] = {{.index = -1}, {.index = -1}};
	int slot = hf3fs_prep_io(ior, iov, ior->for_read, iov->base + at, v->fd, off, LEN, v), n;

	if (slot < 0)
		return slot;
	must(!hf3fs_submit_ios(ior), "submit_ios");
	n = hf3fs_wait_for_ios(ior, cqes, 2, 1, NULL);
	if (n != 1 || cqes[0].index != slot || cqes[0].userdata != v)
		escape(v, "%d completions of one I/O", n);
	if (cqes[0].result > (int64_t)LEN)
		escape(v, "a result of %lld", (long long)cqes[0].result);
	return cqes[0].result;
}

/* All but the read's own range is as it was. */
static void check_memory(struct victim *v)
{
	const uint8_t *m = v->memory + SIDE;

	if (bytes_diff(v->memory, SIDE, CANARY) >= 0 || bytes_diff(m + WRAPPED, SIDE, CANARY) >= 0)
		escape(v, "memory outside of what was granted has changed");
	if (wire_knows_ios &&
	    (bytes_diff(m, READ_AT, CANARY) >= 0 ||
	     bytes_diff(m + READ_AT + LEN, WRITE_AT - READ_AT - LEN, CANARY) >= 0 ||
	     bytes_diff(m + WRITE_AT + LEN, WRAPPED - WRITE_AT - LEN, CANARY) >= 0))
		escape(v, "memory of no I/O has changed");
	if (v->wrote && pattern_diff(m + WRITE_AT, LEN, WRITE_SEED, 0) >= 0)
		escape(v, "memory granted for reading has changed");
}

static void read_once(struct victim *v, const struct hf3fs_iov *iov, uint32_t at, uint64_t off)
{
	int64_t result;

	memset(iov->base + at, 0, LEN);
	result = transfer(v, &v->reads, iov, at, off);
	if (result == (int64_t)LEN && pattern_diff(iov->base + at, LEN, HOSTILE_SEED, off) >= 0)
		escape(v, "a wrong success of a read");
	if (v->lie->verdict == GOOD && result != (int64_t)LEN)
		escape(v, "a read was given up: %lld", (long long)result);
	if (v->lie->verdict == LATE && off == READ_OFF && v->lie->phase == AT_READ &&
	    result != -EREMOTEIO)
		escape(v, "a read that was never served: %lld", (long long)result);
}

/* The thread of the hostile peer has stored it before it says so. */
static void write_once(struct victim *v)
{
	int64_t result;

	pattern_fill(v->wrapped.base + WRITE_AT, LEN, WRITE_SEED, 0);
	v->wrote = true;
	result = transfer(v, &v->writes, &v->wrapped, WRITE_AT, WRITTEN_OFF);
	if (result == (int64_t)LEN &&
	    pattern_diff(v->peer.file + WRITTEN_OFF, LEN, WRITE_SEED, 0) >= 0)
		escape(v, "a wrong success of a write");
	if (v->lie->verdict == GOOD && result != (int64_t)LEN)
		escape(v, "a write was given up: %lld", (long long)result);
	if (v->lie->verdict == LATE && v->lie->phase == AT_WRITE && result != -EREMOTEIO)
		escape(v, "a write that was never served: %lld", (long long)result);
}

static void stat_once(struct victim *v)
{
	struct usrbio_stat st;
	int err = usrbio_fstat(v->fd, &st);

	if (v->lie->verdict == GOOD && err)
		escape(v, "a call was given up: %d", err);
	if (v->lie->verdict == LATE && v->lie->phase == AT_STAT && err != -EREMOTEIO)
		escape(v, "a call that was never answered: %d", err);
}

/* Whoever was lied to leaves, at once or when it hears the next word; its farewell takes a while.
 */
static void expect_cut(struct victim *v)
{
	struct usrbio_stat st;
	char name[128];

	if (!atomic_load(&v->peer.told))
		escape(v, "the lie has never been told");
	for (int i = 0; i < TRIES && !atomic_load(&v->peer.left); i++) {
		usrbio_stat(url(v, name), &st);
		nap_ms(10);
	}
	if (!atomic_load(&v->peer.left))
		escape(v, "the client went on with who had lied to it");
}

static void ping_once(struct victim *v)
{
	uint64_t ns;
	int err = usrbio_ping(v->peer.mount, &ns);

	if (v->lie->verdict == GOOD && err)
		escape(v, "a ping was given up: %d", err);
	if (v->lie->verdict == LATE && v->lie->phase == AT_PING && err != -EREMOTEIO)
		escape(v, "a ping that was never answered: %d", err);
}

/* Memory that the server once had, and has no more. */
static void use_and_destroy(struct victim *v)
{
	struct hf3fs_iov iov;

	must(!hf3fs_iovcreate(&iov, v->peer.mount, LEN, 0, -1), "iovcreate");
	read_once(v, &iov, 0, HOSTILE_OTHER_OFF);
	hf3fs_iovdestroy(&iov);
}

static void use_file(struct victim *v)
{
	use_and_destroy(v);
	stat_once(v);
	ping_once(v);
	read_once(v, &v->wrapped, READ_AT, READ_OFF);
	if (v->lie->verdict != LATE || v->lie->phase == AT_WRITE)
		write_once(v);
}

static void live(struct victim *v)
{
	const uint8_t id[16] = {1};
	const char *mount = v->peer.mount;

	must(!hf3fs_iovwrap(&v->wrapped, v->memory + SIDE, id, mount, WRAPPED, 0, -1), "iovwrap");
	must(!hf3fs_iorcreate4(&v->reads, mount, 4, true, 0, 0, -1, 0), "iorcreate4");
	must(!hf3fs_iorcreate4(&v->writes, mount, 4, false, 0, 0, -1, 0), "iorcreate4");
	/* Twice: what was lost with its session is opened again. */
	for (int i = 0; i < (v->lie->verdict == LATE ? 1 : 2) && open_file(v); i++) {
		if (v->lie->verdict == LATE && v->lie->phase <= AT_OPEN)
			escape(v, "a file was opened that nobody has");
		use_file(v);
		close_file(v);
	}
	if (v->lie->verdict == CUT)
		expect_cut(v);
	check_memory(v);
	hf3fs_iordestroy(&v->reads);
	hf3fs_iordestroy(&v->writes);
}

/* Wrapped memory is remembered with its mount, so it stays where it is, for all cases to come. */
unsigned victim_run(const struct server_lie *lie)
{
	static _Thread_local uint8_t *memory;
	struct victim *v = calloc(1, sizeof(*v));
	unsigned escapes;

	if (!memory)
		memory = mmap(NULL, 2 * SIDE + WRAPPED, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(v && memory != MAP_FAILED, "memory");
	memset(memory, CANARY, 2 * SIDE + WRAPPED);
	v->lie = lie;
	v->memory = memory;
	hostile_start(&v->peer, lie);
	live(v);
	hostile_stop(&v->peer);
	escapes = v->escapes + atomic_load(&v->peer.nr_escapes);
	if (atomic_load(&v->peer.nr_escapes))
		printf("evil: server %s: memory was given away\n", lie->name);
	free(v);
	return escapes;
}
