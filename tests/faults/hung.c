/*
 * A client's life beside a disk that hangs, for the sweep. A write, an open and two renames hang
 * for longer than their mounts have patience, so that they are given up. Then newer calls and I/Os
 * on the same files meet the barrier of the write, and succeed: what was given up never replaces
 * what is newer. As the process ends, operations hang once more, so the server has to end a session
 * beside them. A thread for each call that hangs.
 *
 * usage: faults_hung PLAIN SLOW STUCK [DESCRIPTORS]
 *
 * The mounts: SLOW is the directory "slow" of PLAIN, and delays writes beyond the timeout; STUCK is
 * its directory "stuck", and so delays open and rename. Lines are those of faults_life, and "hung
 * CALL: ERROR" for each operation that was given up.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "tests/faults/lives.h"

#define SIZE 100000

struct mounts {
	const char *plain, *slow, *stuck;
};

/* A file of a mount, open, with a ring and memory to write it. */
struct writer {
	int fd;
	struct hf3fs_iov iov;
	struct hf3fs_ior ring;
};

/* A call that hangs, on a thread of its own. */
struct hung_call {
	pthread_t thread;
	bool is_rename;
	char path[URL_MAX], to[URL_MAX];
	int result;
};

static const char *url_of(char url[URL_MAX], const char *mount, const char *name, int number)
{
	snprintf(url, URL_MAX, "%s/%s%d", mount, name, number);
	return url;
}

/* An operation that hung may also have succeeded, on a slow machine. */
static void say_hung(const char *call, int64_t result)
{
	printf("hung %s: %s\n", call, result < 0 ? strerror((int)-result) : "it succeeded");
}

/* Make an empty file. */
static bool touch(struct lived *lived, const char *mount, const char *name)
{
	char url[URL_MAX];
	int fd = usrbio_open(url_of(url, mount, name, lived->number), O_RDWR | O_CREAT | O_TRUNC,
			     0644);

	return did(lived, "open", fd) && did(lived, "close", usrbio_close(fd));
}

static bool writer_open(struct lived *lived, struct writer *w, const char *mount, const char *name)
{
	char url[URL_MAX];
	int err;

	w->fd = usrbio_open(url_of(url, mount, name, lived->number), O_RDWR, 0);
	if (!did(lived, "open", w->fd))
		return false;
	err = hf3fs_reg_fd(w->fd, 0);
	if (!did(lived, "reg_fd", err > 0 ? -err : 0))
		goto err_close;
	if (!did(lived, "iovcreate", hf3fs_iovcreate(&w->iov, mount, SIZE, 0, -1)))
		goto err_dereg;
	if (did(lived, "iorcreate", hf3fs_iorcreate4(&w->ring, mount, 1, false, 0, 0, -1, 0)))
		return true;
	hf3fs_iovdestroy(&w->iov);
err_dereg:
	hf3fs_dereg_fd(w->fd);
err_close:
	usrbio_close(w->fd);
	return false;
}

static void writer_close(struct lived *lived, struct writer *w)
{
	hf3fs_iordestroy(&w->ring);
	hf3fs_iovdestroy(&w->iov);
	hf3fs_dereg_fd(w->fd);
	did(lived, "close", usrbio_close(w->fd));
}

/* Write the whole file, with the pattern of this number. */
static void writer_submit(struct writer *w, int number)
{
	int err;

	pattern_of(number, w->iov.base, SIZE);
	err = hf3fs_prep_io(&w->ring, &w->iov, false, w->iov.base, w->fd, 0, SIZE, NULL);
	if (err >= 0)
		err = hf3fs_submit_ios(&w->ring);
	if (err < 0)
		tell_wrong("a write cannot begin: %s", strerror(-err));
}

static void *hang(void *arg)
{
	struct hung_call *call = arg;

	call->result = call->is_rename ? usrbio_rename(call->path, call->to)
				       : usrbio_open(call->path, O_RDONLY, 0);
	return NULL;
}

static void hung_begin(struct hung_call *call, const char *mount, const char *name, const char *to,
		       int number)
{
	url_of(call->path, mount, name, number);
	call->is_rename = to;
	if (to)
		url_of(call->to, mount, to, number);
	if (pthread_create(&call->thread, NULL, hang, call))
		abort();
}

static void hung_end(struct hung_call *call)
{
	pthread_join(call->thread, NULL);
	say_hung(call->is_rename ? "rename" : "open", call->result);
	if (!call->is_rename && call->result >= 0)
		usrbio_close(call->result);
}

/* Read the file in memory that the program owns, by the ring that is made for it. */
static void check(struct lived *lived, const struct writer *w, const char *mount)
{
	struct hf3fs_ior ring;
	int64_t result;

	if (!did(lived, "iorcreate", hf3fs_iorcreate4(&ring, mount, 1, true, 0, 0, -1, 0)))
		return;
	memset(w->iov.base, 0xff, SIZE);
	if (hf3fs_prep_io(&ring, &w->iov, true, w->iov.base, w->fd, 0, SIZE, NULL) < 0 ||
	    hf3fs_submit_ios(&ring))
		tell_wrong("a read cannot begin");
	else if (collect(&ring, &result, 1) && did(lived, "read", result) &&
		 (result != SIZE || !is_pattern_of(lived->number, w->iov.base, 0, SIZE)))
		tell_wrong("a read gave %lld and not what was written last", (long long)result);
	hf3fs_iordestroy(&ring);
}

/* Change the file while an older write of it, which was given up, may be under way. */
static void write_newer(struct lived *lived, struct writer *w, const char *mount)
{
	int64_t result;

	writer_submit(w, lived->number);
	did(lived, "chmod", usrbio_fchmod(w->fd, 0600));
	if (!collect(&w->ring, &result, 1) || !did(lived, "write", result))
		return;
	if (result != SIZE)
		tell_wrong("a write gave %lld", (long long)result);
	check(lived, w, mount);
	if (!lived->failed)
		printf("stored slow/f%d 0 %d\n", lived->number, SIZE);
}

/* What was given up is not done later: a newer rename took the file. */
static void rename_newer(struct lived *lived, const struct hung_call *older, const char *plain)
{
	char from[URL_MAX], to[URL_MAX];
	int err;

	url_of(from, plain, "stuck/r", lived->number);
	err = usrbio_rename(from, url_of(to, plain, "stuck/newer", lived->number));
	/* -EREMOTEIO: of a call that was given up nobody knows whether it is done. */
	if (err == -ENOENT && (older->result == -EREMOTEIO || older->result >= 0))
		err = 0;
	did(lived, "rename", err);
}

static void hang_and_go_on(struct lived *lived, const struct mounts *mounts, struct writer *slow,
			   struct writer *plain)
{
	struct hung_call opens = {0}, moves = {0}, moves_none = {0};
	int64_t result;

	writer_submit(slow, lived->number + 1); /* another pattern */
	hung_begin(&opens, mounts->stuck, "o", NULL, lived->number);
	hung_begin(&moves, mounts->stuck, "r", "given-up", lived->number);
	hung_begin(&moves_none, mounts->stuck, "none", "given-up", lived->number);
	if (collect(&slow->ring, &result, 1))
		say_hung("write", result);
	write_newer(lived, plain, mounts->plain);
	hung_end(&opens);
	hung_end(&moves);
	hung_end(&moves_none);
	rename_newer(lived, &moves, mounts->plain);
}

static bool live(struct lived *lived, void *arg)
{
	const struct mounts *mounts = arg;
	struct writer slow, plain;

	if (!touch(lived, mounts->plain, "slow/f") || !touch(lived, mounts->plain, "stuck/o") ||
	    !touch(lived, mounts->plain, "stuck/r"))
		return false;
	if (!writer_open(lived, &slow, mounts->slow, "f"))
		return false;
	if (writer_open(lived, &plain, mounts->plain, "slow/f")) {
		hang_and_go_on(lived, mounts, &slow, &plain);
		writer_close(lived, &plain);
	}
	writer_close(lived, &slow);
	return !lived->failed;
}

/* Have operations hang while this process ends. A ping comes behind them, on the same connection.
 */
static void leave(const struct mounts *mounts)
{
	static struct hung_call moves;
	static struct writer slow;
	struct lived last = {.number = 0};
	uint64_t ns;

	if (!touch(&last, mounts->plain, "slow/f") || !touch(&last, mounts->plain, "stuck/r") ||
	    !writer_open(&last, &slow, mounts->slow, "f"))
		return;
	writer_submit(&slow, 0);
	hung_begin(&moves, mounts->stuck, "r", "given-up", 0);
	pthread_detach(moves.thread);
	usrbio_ping(mounts->slow, &ns);
	usrbio_ping(mounts->stuck, &ns);
}

int main(int argc, char **argv)
{
	struct mounts mounts;
	int status;

	if (argc < 4)
		return 2;
	mounts = (struct mounts){argv[1], argv[2], argv[3]};
	status = lives_until_well(live, &mounts, argc > 4 ? argv[4] : NULL);
	if (!status)
		leave(&mounts);
	return status;
}
