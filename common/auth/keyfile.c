/*
 * The reader and writer of files with secrets. It has no state, and overwrites the lines that it
 * has read. The caller owns the secrets. Any thread may call it.
 */
#include "common/auth/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/base/log.h"
#include "common/host/trusted.h"

#define LINE_MAX_LEN 1024

struct reader {
	const char *path;
	unsigned nr; /* the number of the line */
	char id[SECRET_ID_MAX + 1];
	keyfile_line *line;
	void *arg;
};

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t\r\n");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	return text;
}

static const char *begin_section(struct reader *reader, char *text)
{
	size_t len = strlen(text);

	if (len < 2 || text[len - 1] != ']' || !secret_id_ok(text + 1, len - 2))
		return "an id is 1 to 64 of letters, digits, '_', '.' and '-', in brackets";
	memcpy(reader->id, text + 1, len - 2);
	reader->id[len - 2] = '\0';
	return reader->line(reader->arg, reader->id, NULL, NULL);
}

static const char *take_line(struct reader *reader, char *text)
{
	char *equals;

	text = trim(text);
	if (!*text || *text == '#')
		return NULL;
	if (*text == '[')
		return begin_section(reader, text);
	equals = strchr(text, '=');
	if (!equals)
		return "expected [ID] or WORD = VALUE";
	if (!*reader->id)
		return "a section begins by [ID]";
	*equals = '\0';
	return reader->line(reader->arg, reader->id, trim(text), trim(equals + 1));
}

static int read_lines(struct reader *reader, FILE *file)
{
	char text[LINE_MAX_LEN];
	const char *wrong = NULL;
	long begin = 0;
	int err = 0;

	while (!wrong && fgets(text, sizeof(text), file)) {
		long len = (long)strlen(text), end = ftell(file);

		reader->nr++;
		if (end < 0)
			wrong = strerror(errno);
		else if (end - begin != len)
			wrong = "there is a zero byte in this line";
		else if (len == sizeof(text) - 1)
			wrong = "this line is too long";
		else
			wrong = take_line(reader, text);
		begin = end;
	}
	OPENSSL_cleanse(text, sizeof(text));
	if (wrong) {
		log_error("%s:%u: %s", reader->path, reader->nr, wrong);
		err = -EINVAL;
	} else if (ferror(file)) {
		log_error("%s: %s", reader->path, strerror(errno));
		err = -EIO;
	}
	return err;
}

/* Check that no other user can read or write the file. Returns 0, or -errno after a log line. */
static int check(const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		log_error("%s: not a regular file", path);
		return -EINVAL;
	}
	if ((st.st_mode & 077) || (st.st_uid && st.st_uid != geteuid())) {
		log_error(
			"%s: it contains a key, but others can read or change it (mode %04o, owner "
			"%u): set owner and mode 0600",
			path, st.st_mode & 07777, st.st_uid);
		return -EACCES;
	}
	return 0;
}

/*
 * Open the file, but not through a link of another user, who could point it at a wrong key. It does
 * not block if the file is a FIFO. Returns 0, or -errno after a log line.
 */
static int open_file(const char *path, FILE **file)
{
	char reason[TRUSTED_REASON_MAX];
	struct trusted_place place;
	int err = trusted_walk(path, &place, reason), fd;

	if (err) {
		log_error("%s: %s", path, *reason ? reason : strerror(-err));
		return err;
	}
	fd = openat(place.dir, place.name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	*file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!*file) {
		err = -errno;
		log_error("%s: %s", path, strerror(-err));
		if (fd >= 0)
			close(fd);
	}
	close(place.dir);
	return err;
}

int keyfile_read(const char *path, keyfile_line *line, void *arg)
{
	struct reader reader = {.path = path, .line = line, .arg = arg};
	char buffer[BUFSIZ]; /* a buffer of stdio would leave the secret in freed memory */
	FILE *file;
	int err = open_file(path, &file);

	if (err)
		return err;
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	err = check(path, fileno(file));
	if (!err)
		err = read_lines(&reader, file);
	fclose(file);
	OPENSSL_cleanse(buffer, sizeof(buffer));
	return err;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | (c >= 'A' ? 0x20 : 0)) : NULL;

	return at ? (int)(at - digits) : -1;
}

const char *keyfile_secret(const char *value, struct secret *secret)
{
	uint8_t any = 0;

	if (strlen(value) != sizeof(secret->key) * 2)
		return "a key is 64 hexadecimal digits";
	for (size_t i = 0; i < sizeof(secret->key); i++) {
		int high = digit(value[2 * i]), low = digit(value[2 * i + 1]);

		if (high < 0 || low < 0)
			return "a key is 64 hexadecimal digits";
		secret->key[i] = (uint8_t)(high << 4 | low);
		any |= secret->key[i];
	}
	return any ? NULL : "a key of zeroes is known to everybody";
}

/* Write all of it. Returns 0 or -errno. After a short write, the next one says why. */
static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int keyfile_write(const char *path, const char *id, const struct secret *secret)
{
	char text[SECRET_ID_MAX + 2 * SECRET_SIZE + 16];
	int len = snprintf(text, sizeof(text), "[%s]\nkey = ", id);
	int fd, err;

	for (size_t i = 0; i < sizeof(secret->key); i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%02x", secret->key[i]);
	text[len++] = '\n';
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	err = fd < 0 ? -errno : write_all(fd, text, (size_t)len);
	if (!err && fsync(fd))
		err = -errno;
	OPENSSL_cleanse(text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && err)
		unlink(path);
	return err;
}
