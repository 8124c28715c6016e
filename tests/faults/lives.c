/* Lives of the sweep: how they end, and that they recover. A program has one series of them. */
#include "tests/faults/lives.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/hf3fs_usrbio.h"

#define RECOVERY_MS 30000
#define SETTLE_MS   5000
#define ERRNO_MAX   4095

static atomic_bool wrong;

void tell_wrong(const char *fmt, ...)
{
	char text[512];
	va_list args;

	atomic_store(&wrong, true);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("wrong: %s\n", text);
	fflush(stdout);
}

bool did(struct lived *lived, const char *call, int64_t result)
{
	if (result >= 0)
		return true;
	if (result < -ERRNO_MAX)
		tell_wrong("%s: no errno: %lld", call, (long long)result);
	if (!atomic_exchange(&lived->failed, true))
		printf("life %d failed: %s: %s\n", lived->number, call, strerror((int)-result));
	return false;
}

static uint8_t byte_at(int number, size_t off)
{
	return (uint8_t)((off + (size_t)number * 7) % PERIOD);
}

void pattern_of(int number, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_at(number, i);
}

bool is_pattern_of(int number, const uint8_t *bytes, size_t off, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != byte_at(number, off + i))
			return false;
	return true;
}

bool collect(struct hf3fs_ior *ring, int64_t *results, int nr)
{
	struct hf3fs_cqe cqes[COLLECT_MAX + 1];
	bool seen[COLLECT_MAX] = {false};
	struct timespec until;
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

		if (which >= (size_t)nr || seen[which]) {
			tell_wrong("a completion for nothing, %zu", which);
			return false;
		}
		seen[which] = true;
		results[which] = cqes[i].result;
	}
	until.tv_sec = 0;
	got = hf3fs_wait_for_ios(ring, cqes, COLLECT_MAX + 1, 0, &until);
	if (got)
		tell_wrong("%d more completions than I/Os", got);
	return true;
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

int lives_until_well(bool (*live)(struct lived *lived, void *arg), void *arg, const char *most)
{
	int64_t until = now_ms() + RECOVERY_MS;
	int good = 0, bad = 0;

	alarm(4 * STUCK_S);
	for (int i = 1; good < 2 && !atomic_load(&wrong); i++) {
		struct lived lived = {.number = i};
		bool ok = live(&lived, arg);

		if (ok)
			printf("life %d ok\n", i);
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
	while (most && count_fds() > (unsigned)atoi(most) && now_ms() < until)
		usleep(10000);
	printf("fds %u\n", count_fds());
	return atomic_load(&wrong);
}
