/* Logging: levels from the environment, one whole line each, nothing on standard output. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"

static int capture(int fd)
{
	int pipes[2];

	cr_assert_eq(pipe2(pipes, O_NONBLOCK), 0);
	cr_assert_geq(dup2(pipes[1], fd), 0);
	close(pipes[1]);
	return pipes[0];
}

Test(log, default_is_warn)
{
	unsetenv("USRBIO_LOG");
	unsetenv("HF3FS_USRBIO_LIB_LOG");
	cr_expect(log_enabled(LOG_LEVEL_WARN));
	cr_expect_not(log_enabled(LOG_LEVEL_INFO));
}

Test(log, ours_goes_before_theirs)
{
	setenv("HF3FS_USRBIO_LIB_LOG", "DBG", 1);
	setenv("USRBIO_LOG", "error", 1);
	cr_expect(log_enabled(LOG_LEVEL_ERROR));
	cr_expect_not(log_enabled(LOG_LEVEL_WARN));
}

Test(log, takes_the_levels_of_3fs)
{
	unsetenv("USRBIO_LOG");
	setenv("HF3FS_USRBIO_LIB_LOG", "DBG", 1);
	cr_expect(log_enabled(LOG_LEVEL_DEBUG));
}

Test(log, nonsense_is_refused_and_changes_nothing)
{
	cr_assert_eq(log_set_level("error"), 0);
	cr_expect_eq(log_set_level("loud"), -EINVAL);
	cr_expect_not(log_enabled(LOG_LEVEL_WARN));
	cr_assert_eq(log_set_level("off"), 0);
	cr_expect_not(log_enabled(LOG_LEVEL_ERROR));
}

Test(log, long_lines_stay_one_line)
{
	char text[4096], line[8192];
	int err = capture(STDERR_FILENO), out = capture(STDOUT_FILENO);
	ssize_t n;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	errno = ENOENT;
	log_error("%s", text);
	cr_expect_eq(errno, ENOENT);
	n = read(err, line, sizeof(line));
	cr_assert_gt(n, 900);
	cr_expect_leq(n, 1024);
	cr_expect_eq(line[n - 1], '\n');
	cr_expect_null(memchr(line, '\n', (size_t)n - 1));
	cr_expect_lt(read(out, line, sizeof(line)), 0);
}

/* However long the second takes on a busy machine. */
Test(log, what_a_peer_may_cause_is_not_said_for_ever)
{
	enum { TIMES = 10000 };
	int err = capture(STDERR_FILENO), lines = 0;
	char c;

	log_set_level("warn");
	for (int i = 0; i < TIMES; i++) {
		log_peer("again");
		while (read(err, &c, 1) == 1)
			lines += c == '\n';
	}
	cr_expect_geq(lines, 1);
	cr_expect_lt(lines, TIMES / 2);
}

Test(log, what_a_peer_says_stays_one_line)
{
	char line[256];
	int err = capture(STDERR_FILENO);
	ssize_t n;

	log_error("%s", "a\nusrbio[1] 2.3 error: b\033[2J");
	n = read(err, line, sizeof(line));
	cr_assert_gt(n, 10);
	cr_expect_eq(memchr(line, '\n', (size_t)n), line + n - 1);
	cr_expect_null(memchr(line, 033, (size_t)n));
}

/* What is caught is not logged, the first error is kept, and the inner ones keep their own. */
Test(log, is_caught_by_who_says_it_better)
{
	int err = capture(STDERR_FILENO);
	struct log_catch outer, inner;
	char line[256];

	log_set_level("off");
	log_catch_begin(&outer);
	cr_expect_str_eq(outer.text, "");
	log_warn("a warning of %d", 1);
	log_info("nothing of this");
	cr_expect_str_eq(outer.text, "a warning of 1");
	log_catch_begin(&inner);
	log_error("inside");
	log_catch_end(&inner);
	cr_expect_str_eq(inner.text, "inside");
	log_error("an error of %d", 2);
	log_error("another");
	log_catch_end(&outer);
	cr_expect_str_eq(outer.text, "an error of 2");
	cr_expect_lt(read(err, line, sizeof(line)), 0);
	log_set_level("warn");
	log_warn("again");
	cr_expect_gt(read(err, line, sizeof(line)), 0);
}

/* C1 controls, bidirectional overrides, line separators, and what is no UTF-8; the rest stays. */
Test(log, what_a_peer_says_commands_no_terminal)
{
	static const char said[] = "\xc3\xa4 \xc2\x9b[31m \xe2\x80\xae \xe2\x80\xa8 \xff\x9b";
	static const char shown[] = "error: \xc3\xa4 ??[31m ??? ??? ??\n";
	char line[256];
	int err = capture(STDERR_FILENO);
	ssize_t n;

	log_error("%s", said);
	n = read(err, line, sizeof(line) - 1);
	cr_assert_gt(n, 10);
	line[n] = '\0';
	cr_expect(strstr(line, shown), "%s", line);
}

/* What does not fit is cut, also in the middle of a character. */
Test(log, a_character_that_is_cut_is_masked)
{
	char text[2048], line[2048];
	int err = capture(STDERR_FILENO);
	ssize_t n;

	for (int shift = 0; shift < 2; shift++) {
		memset(text, 'x', sizeof(text));
		for (size_t i = 1; i + 2 < sizeof(text); i += 2)
			memcpy(text + i + shift, "\xc3\xa4", 2);
		text[sizeof(text) - 1] = '\0';
		log_error("%s", text);
		n = read(err, line, sizeof(line));
		cr_assert_gt(n, 900);
		cr_expect((line[n - 2] == '?') != ((unsigned char)line[n - 2] == 0xa4));
	}
}
