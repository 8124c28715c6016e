/*
 * Prints names and attributes as text. Its only state is whether standard output is a terminal. The
 * process owns it; the main thread.
 */
#include "client/tool/base/show.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/text.h"

bool show_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

void show_name(const char *name)
{
	static int terminal = -1; /* -1: not known yet; only the main thread uses it */

	if (terminal < 0)
		terminal = isatty(STDOUT_FILENO);
	if (terminal)
		text_quote(stdout, name, show_utf8());
	else
		fputs(name, stdout);
}

void show_json(const char *key, const char *text)
{
	printf("\"%s\": ", key);
	if (text_json(stdout, text))
		return;
	printf(", \"%s_hex\": \"", key);
	for (; *text; text++)
		printf("%02x", (unsigned char)*text);
	putchar('"');
}

const char *show_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	case S_IFCHR:
		return "character device";
	case S_IFBLK:
		return "block device";
	default:
		return "unknown";
	}
}

void show_json_attributes(const struct usrbio_stat *st)
{
	printf(", \"type\": \"%s\", \"mode\": \"%04o\", \"size\": %" PRIu64 ", \"blocks\": %" PRIu64
	       ", \"ino\": %" PRIu64 ", \"dev\": %" PRIu64,
	       show_type(st->mode), st->mode & 07777, st->size, st->blocks, st->ino, st->dev);
	printf(", \"links\": %u, \"uid\": %u, \"gid\": %u, \"atime_ns\": %" PRId64
	       ", \"mtime_ns\": %" PRId64 ", \"ctime_ns\": %" PRId64,
	       st->nlink, st->uid, st->gid, st->atime_ns, st->mtime_ns, st->ctime_ns);
}

const char *show_bytes(double bytes, char text[24])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	unsigned i = 0;

	for (; bytes >= 1024 && i < 5; i++)
		bytes /= 1024;
	snprintf(text, 24, i ? "%.1f %s" : "%.0f %s", bytes, units[i]);
	return text;
}

static char type_letter(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	default:
		return '-';
	}
}

void show_mode(uint32_t mode, char text[11])
{
	static const char bits[] = "rwxrwxrwx";

	text[0] = type_letter(mode);
	for (int i = 0; i < 9; i++)
		text[i + 1] = mode & (0400u >> i) ? bits[i] : '-';
	if (mode & S_ISUID)
		text[3] = mode & S_IXUSR ? 's' : 'S';
	if (mode & S_ISGID)
		text[6] = mode & S_IXGRP ? 's' : 'S';
	if (mode & S_ISVTX)
		text[9] = mode & S_IXOTH ? 't' : 'T';
	text[10] = '\0';
}

void show_time(int64_t ns, char text[32])
{
	time_t seconds = (time_t)(ns / 1000000000 - (ns % 1000000000 < 0));
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(text, 32, "%F %T", &tm))
		strcpy(text, "?");
}
