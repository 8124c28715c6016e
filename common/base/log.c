/*
 * Logging. The process owns the level, which is read once from the environment. A line is formatted
 * on the stack of its thread and written at once. Any thread may log.
 */
#include "common/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/base/text.h"

#define PEER_LINES 10 /* lines per second */

static atomic_int level_now = -1; /* -1: the environment has not been read yet */

static const struct {
	const char *name;
	enum log_level level;
} level_names[] = {
	{"off", LOG_LEVEL_OFF},	    {"none", LOG_LEVEL_OFF},  {"0", LOG_LEVEL_OFF},
	{"error", LOG_LEVEL_ERROR}, {"err", LOG_LEVEL_ERROR}, {"fatal", LOG_LEVEL_ERROR},
	{"1", LOG_LEVEL_ERROR},	    {"warn", LOG_LEVEL_WARN}, {"warning", LOG_LEVEL_WARN},
	{"2", LOG_LEVEL_WARN},	    {"info", LOG_LEVEL_INFO}, {"3", LOG_LEVEL_INFO},
	{"debug", LOG_LEVEL_DEBUG}, {"dbg", LOG_LEVEL_DEBUG}, {"trace", LOG_LEVEL_DEBUG},
	{"4", LOG_LEVEL_DEBUG},
};

/* The innermost catch of this thread; NULL: lines go to the log. */
static __thread struct log_catch *catching;

static int level_of(const char *name)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++)
		if (!strcasecmp(level_names[i].name, name))
			return (int)level_names[i].level;
	return -EINVAL;
}

int log_set_level(const char *name)
{
	int level = level_of(name);

	if (level < 0)
		return level;
	atomic_store_explicit(&level_now, level, memory_order_relaxed);
	return 0;
}

static int level_from_environment(void)
{
	static const char *const variables[] = {"USRBIO_LOG", "HF3FS_USRBIO_LIB_LOG"};

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		const char *value = getenv(variables[i]);
		int level = value && *value ? level_of(value) : -EINVAL;

		if (level >= 0)
			return level;
	}
	return LOG_LEVEL_WARN;
}

bool log_enabled(enum log_level level)
{
	int now = atomic_load_explicit(&level_now, memory_order_relaxed);

	if (now < 0) {
		now = level_from_environment();
		atomic_store_explicit(&level_now, now, memory_order_relaxed);
	}
	return (int)level <= now || (catching && level <= LOG_LEVEL_WARN);
}

void log_catch_begin(struct log_catch *caught)
{
	*caught->text = '\0';
	caught->is_error = false;
	caught->outer = catching;
	catching = caught;
}

void log_catch_end(const struct log_catch *caught)
{
	catching = caught->outer;
}

bool log_is_caught(void)
{
	return catching;
}

bool log_peer_may(void)
{
	static atomic_llong second;
	static atomic_uint nr;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (atomic_exchange(&second, now.tv_sec) != now.tv_sec)
		atomic_store(&nr, 0);
	return atomic_fetch_add(&nr, 1) < PEER_LINES;
}

static void keep(struct log_catch *caught, bool is_error, const char *fmt, va_list args)
{
	if (*caught->text && (caught->is_error || !is_error))
		return;
	caught->is_error = is_error;
	vsnprintf(caught->text, sizeof(caught->text), fmt, args);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	static const char *const tags[] = {"", "error", "warn", "info", "debug"};
	char line[1024];
	struct timespec now;
	int saved = errno, head, body;
	va_list args;

	if (catching && level <= LOG_LEVEL_WARN) {
		va_start(args, fmt);
		keep(catching, level == LOG_LEVEL_ERROR, fmt, args);
		va_end(args);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	head = snprintf(line, sizeof(line), "usrbio[%d] %lld.%06ld %s: ", (int)getpid(),
			(long long)now.tv_sec, now.tv_nsec / 1000, tags[level]);
	va_start(args, fmt);
	body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, args);
	va_end(args);
	if (body < 0)
		body = 0;
	if (head + body > (int)sizeof(line) - 2)
		body = (int)sizeof(line) - 2 - head;
	/*
	 * A text of a peer must not look like another log line, and must not contain commands to a
	 * terminal.
	 */
	text_mask(line + head, (size_t)body);
	line[head + body] = '\n';
	/* There is no place to report that a log line cannot be written. */
	if (write(STDERR_FILENO, line, (size_t)(head + body + 1)) < 0)
		errno = saved;
	errno = saved;
}
