/*
 * Collects the text of a state dump and writes it; see dump.h. A struct dump is on the stack of the
 * thread that makes the dump; no other thread uses it.
 */
#include "client/base/dump.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/text.h"

#define PREFIX	 "dump: "
#define PAUSE_NS 200000
#define CHUNK	 4096u /* bytes that a pipe takes at once when poll(2) says that it has room */

/* Make room for `more` bytes. False: out of memory. */
static bool grow(struct dump *dump, size_t more)
{
	size_t room = dump->room ? dump->room : CHUNK;
	char *text;

	while (room - dump->len < more)
		room *= 2;
	if (room == dump->room)
		return true;
	text = realloc(dump->text, room);
	if (!text)
		return false;
	dump->text = text;
	dump->room = room;
	return true;
}

void dump_line(struct dump *dump, const char *fmt, ...)
{
	va_list args;
	char *at;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0 || !grow(dump, strlen(PREFIX) + (size_t)len + 1)) {
		dump->incomplete = true;
		return;
	}
	at = dump->text + dump->len;
	memcpy(at, PREFIX, strlen(PREFIX));
	at += strlen(PREFIX);
	va_start(args, fmt);
	vsnprintf(at, (size_t)len + 1, fmt, args);
	va_end(args);
	text_mask(at, (size_t)len);
	at[len] = '\n';
	dump->len += strlen(PREFIX) + (size_t)len + 1;
}

/* Wait until fd takes more bytes. 0; -ETIMEDOUT after patience_ms; or -errno. */
static int await(int fd, int patience_ms)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	int n;

	do {
		n = poll(&pollfd, 1, patience_ms);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

static int write_all(const char *text, size_t len, int fd, int patience_ms)
{
	if (fd < 0) /* poll(2) ignores negative descriptors, and would wait for ever */
		return -EBADF;
	while (len) {
		int err = await(fd, patience_ms);
		ssize_t n;

		if (err)
			return err;
		n = write(fd, text, len < CHUNK ? len : CHUNK);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n < 0)
			continue;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int dump_write(struct dump *dump, int fd, int patience_ms)
{
	int err = write_all(dump->text, dump->len, fd, patience_ms);

	free(dump->text);
	if (!err && dump->incomplete)
		err = -ENOMEM;
	*dump = (struct dump){0};
	return err;
}

bool dump_lock(struct lock *lock)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	uint64_t deadline = now_ns() + DUMP_LOCK_MS * NS_PER_MS;

	while (!lock_try(lock)) {
		if (now_ns() >= deadline)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}
