/*
 * Logging to standard error, one line per call, by one write(2).
 *
 * The level is that of the variable USRBIO_LOG, or else of 3FS's HF3FS_USRBIO_LIB_LOG: error, warn,
 * info, debug (or 3FS's FATAL, ERR, WARN, INFO, DBG), or "off". The default is warn. A program may
 * set the level itself.
 */
#ifndef USRBIO_COMMON_BASE_LOG_H
#define USRBIO_COMMON_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_OFF, LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Set the level to a name or a digit. -EINVAL, and no change, for any other text. */
int log_set_level(const char *name);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_at(level, ...)                             \
	do {                                           \
		if (log_enabled(level))                \
			log_write(level, __VA_ARGS__); \
	} while (0)

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * Keep the errors and warnings of this thread instead of logging them, for a caller that logs one
 * line of its own with their text. Only the first line is kept, or the first error if there is one.
 * The text is "" if there is no line. Catches may nest. The function that began a catch ends it, on
 * the same thread.
 */
#define LOG_CAUGHT_MAX 400
struct log_catch {
	char text[LOG_CAUGHT_MAX];
	bool is_error;
	struct log_catch *outer;
};
void log_catch_begin(struct log_catch *caught);
void log_catch_end(const struct log_catch *caught);
bool log_is_caught(void); /* true while this thread has a catch */

/*
 * Limit the warnings that peers can cause to ten per second in a process, so that the log does not
 * fill a disk. True if this warning may be logged.
 */
bool log_peer_may(void);
#define log_peer(...)                          \
	do {                                   \
		if (log_peer_may())            \
			log_warn(__VA_ARGS__); \
	} while (0)

#endif
