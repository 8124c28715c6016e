/* Files with secrets: who may have them, what may be in them, and what is said about the rest. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auth/keyfile.h"
#include "common/base/log.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static char path[] = "/tmp/usrbio-keyfile-XXXXXX";
static char seen[4096]; /* what the reader was given */

static void make(void)
{
	log_set_level("off");
	close(mkstemp(path));
	seen[0] = '\0';
}

static void drop(void)
{
	unlink(path);
}

TestSuite(keyfile, .init = make, .fini = drop);

static void write_text(const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static const char *note(void *arg, const char *id, const char *word, char *value)
{
	size_t used = strlen(seen);

	(void)arg;
	snprintf(seen + used, sizeof(seen) - used, "%s %s=%s\n", id, word ? word : "",
		 value ? value : "");
	return word && !strcmp(word, "bad") ? "it is bad" : NULL;
}

static int read_text(const char *text)
{
	write_text(text);
	return keyfile_read(path, note, NULL);
}

Test(keyfile, sections_lines_comments_and_spaces)
{
	cr_assert_eq(
		read_text("# one\n\n[alice]\nkey=1\n  export =  a b:rw \r\n\t# two\n[bob.2]\n"), 0);
	cr_expect_str_eq(seen, "alice =\nalice key=1\nalice export=a b:rw\nbob.2 =\n");
}

Test(keyfile, what_is_malformed_is_refused)
{
	static const char *const texts[] = {
		"key = 1\n",
		"[alice\n",
		"[]\n",
		"[a b]\n",
		"[a/b]\n",
		"[alice]\nkey\n",
		"[alice]\nbad = 1\n",
		"[alice] # why\n",
	};
	char *long_line = calloc(1, 5000);

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		cr_expect_eq(read_text(texts[i]), -EINVAL, "%s", texts[i]);
	memset(long_line, '#', 4000);
	cr_expect_eq(read_text(long_line), -EINVAL);
	free(long_line);
}

Test(keyfile, only_its_owner_may_see_it)
{
	static const mode_t good[] = {0600, 0400, 0700}, wide[] = {0640, 0604, 0620, 0601, 0666};

	write_text("[alice]\n");
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		cr_assert_not(chmod(path, good[i]));
		cr_expect_eq(keyfile_read(path, note, NULL), 0, "%o", good[i]);
	}
	for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++) {
		cr_assert_not(chmod(path, wide[i]));
		cr_expect_eq(keyfile_read(path, note, NULL), -EACCES, "%o", wide[i]);
	}
}

Test(keyfile, somebody_elses_is_refused)
{
	if (geteuid())
		cr_skip_test("only root can give a file away");
	write_text("[alice]\n");
	cr_assert_not(chown(path, 12345, 12345));
	cr_expect_eq(keyfile_read(path, note, NULL), -EACCES);
}

Test(keyfile, a_link_of_somebody_elses_is_not_followed)
{
	char link[sizeof(path) + 5];

	if (geteuid())
		cr_skip_test("only root can give links away");
	snprintf(link, sizeof(link), "%s.link", path);
	write_text("[alice]\n");
	cr_assert_not(symlink(path, link));
	cr_expect_eq(keyfile_read(link, note, NULL), 0);
	cr_assert_not(lchown(link, 12345, 12345));
	cr_expect_eq(keyfile_read(link, note, NULL), -ELOOP);
	unlink(link);
}

Test(keyfile, must_be_a_file)
{
	cr_expect_eq(keyfile_read("/nowhere/at/all", note, NULL), -ENOENT);
	cr_expect_eq(keyfile_read("/dev/null", note, NULL), -EINVAL);
	cr_expect_eq(keyfile_read("/", note, NULL), -EINVAL);
}

/* Nobody writes to it: who waits for that waits for ever. */
Test(keyfile, a_fifo_is_refused_and_not_waited_for, .timeout = 60)
{
	unlink(path);
	cr_assert_not(mkfifo(path, 0600));
	cr_expect_eq(keyfile_read(path, note, NULL), -EINVAL);
}

/* What C's strings hide would be in the file, and not what people see. */
Test(keyfile, zero_bytes_are_refused)
{
	static const char *const texts[] = {
		"[alice]\nkey = 1|2\n", "[alice]\nkey = 1|2", "|", "# |\n",
		"[alice]|\n",		"[alice]\n|\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		FILE *file = fopen(path, "w");

		cr_assert_not_null(file);
		for (const char *c = texts[i]; *c; c++)
			fputc(*c == '|' ? 0 : *c, file);
		fclose(file);
		cr_expect_eq(keyfile_read(path, note, NULL), -EINVAL, "%s", texts[i]);
	}
}

Test(keyfile, the_last_line_may_end_without_a_newline)
{
	cr_expect_eq(read_text("[alice]\r\nkey=1"), 0);
	cr_expect_str_eq(seen, "alice =\nalice key=1\n");
}

Test(keyfile, a_secret_is_64_digits)
{
	struct secret secret;

	cr_expect_null(keyfile_secret(HEX64, &secret));
	cr_expect_eq(secret.key[0], 0x00);
	cr_expect_eq(secret.key[1], 0x11);
	cr_expect_eq(secret.key[31], 0xff);
	cr_expect_not_null(keyfile_secret("", &secret));
	cr_expect_not_null(keyfile_secret(
		"0000000000000000000000000000000000000000000000000000000000000000", &secret));
	cr_expect_not_null(keyfile_secret(HEX64 "00", &secret));
	cr_expect_not_null(keyfile_secret("g" HEX64, &secret));
	cr_expect_not_null(keyfile_secret(
		"x0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", &secret));
	cr_expect_not_null(keyfile_secret(
		"0011223344556677 899aabbccddeeff00112233445566778899aabbccddeef", &secret));
}

static const char *take_secret(void *arg, const char *id, const char *word, char *value)
{
	(void)id;
	return word ? keyfile_secret(value, arg) : NULL;
}

Test(keyfile, what_is_written_is_read_and_new_and_private)
{
	struct secret written, read;
	struct stat st;

	cr_assert_eq(secret_draw(&written), 0);
	cr_expect_eq(keyfile_write(path, "alice", &written), -EEXIST);
	unlink(path);
	umask(0);
	cr_assert_eq(keyfile_write(path, "alice", &written), 0);
	cr_assert_not(stat(path, &st));
	cr_expect_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(keyfile_read(path, take_secret, &read), 0);
	cr_expect_eq(memcmp(&written, &read, sizeof(read)), 0);
}

/* The first write is short, and says nothing of the cause. */
Test(keyfile, one_that_does_not_fit_says_why_and_is_not_left_behind)
{
	const struct rlimit limit = {.rlim_cur = 10, .rlim_max = RLIM_INFINITY};
	struct secret secret;
	int err;

	cr_assert_eq(secret_draw(&secret), 0);
	unlink(path);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	errno = EEXIST;
	err = keyfile_write(path, "alice", &secret);
	cr_expect_eq(err, -EFBIG, "%d", err);
	cr_expect(access(path, F_OK));
}
