/* The mount table and the conf files of attached directories. No state; any thread. */
#include "client/mounttable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

#define BLANKS " \t\r\n"

/* Is `dir` the path or one of its ancestors? */
static bool contains(const char *dir, const char *path)
{
	size_t len = strlen(dir);

	if (!strcmp(dir, "/"))
		return true;
	return !strncmp(dir, path, len) && (path[len] == '/' || !path[len]);
}

/* Drop doubled and trailing slashes, in place. */
static void squeeze(char *path)
{
	char *to = path;

	for (const char *from = path; *from; from++) {
		if (*from == '/' && to > path && to[-1] == '/')
			continue;
		*to++ = *from;
	}
	if (to > path + 1 && to[-1] == '/')
		to--;
	*to = '\0';
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* \040 and its like, as in /etc/fstab; in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) &&
		    is_octal(from[3])) {
			*to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* Cut a line into its first two words; 0 to 2 of them, comments are none. */
static int words(char *line, char *word[2])
{
	char *save;
	int n = 0;

	for (char *at = strtok_r(line, BLANKS, &save); at && n < 2;
	     at = strtok_r(NULL, BLANKS, &save)) {
		if (*at == '#')
			break;
		word[n++] = at;
	}
	return n;
}

static void fill(struct mounted *found, const char *dir, const char *name, const char *url,
		 const char *source)
{
	snprintf(found->dir, sizeof(found->dir), "%s", dir);
	snprintf(found->name, sizeof(found->name), "%s", name);
	snprintf(found->url, sizeof(found->url), "%s", url);
	snprintf(found->source, sizeof(found->source), "%s", source);
}

/* Keep a line's mount when it contains the path and is deeper than what we have. */
static void consider(char *line, const char *canonical, const char *source, struct mounted *found)
{
	char *word[2], dir[PATH_MAX];
	int n = words(line, word);

	if (n != 2) {
		if (n)
			log_info("%s: not '<directory> <url>': %s", source, word[0]);
		return;
	}
	unescape(word[0]);
	unescape(word[1]);
	if (*word[0] != '/' || !realpath(word[0], dir) || !contains(dir, canonical))
		return;
	if (strlen(dir) <= strlen(found->dir))
		return;
	squeeze(word[0]);
	fill(found, dir, word[0], word[1], source);
}

static void scan_table(const char *path, const char *canonical, struct mounted *found)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (!file) {
		if (errno != ENOENT && errno != ENOTDIR)
			log_info("%s: %s", path, strerror(errno));
		return;
	}
	while (getline(&line, &room, file) >= 0)
		consider(line, canonical, path, found);
	free(line);
	fclose(file);
}

static void scan_tables(const char *canonical, struct mounted *found)
{
	const char *list = secure_getenv("USRBIO_MOUNTS");

	while (list && *list) {
		char path[PATH_MAX];
		size_t len = strcspn(list, ":");

		if (len && len < sizeof(path)) {
			memcpy(path, list, len);
			path[len] = '\0';
			scan_table(path, canonical, found);
		}
		list += len + (list[len] == ':');
	}
	scan_table(MOUNT_TABLE, canonical, found);
}

/*
 * A conf file steers where a program connects, and its directory may be anybody's (/tmp): believe
 * only root and ourselves.
 */
static bool trusted(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	if ((!st.st_uid || st.st_uid == geteuid()) && !(st.st_mode & S_IWOTH))
		return true;
	log_info("%s ignored: it belongs to user %u or anybody may write it", path, st.st_uid);
	return false;
}

/* The first word of the first line that has one, unescaped. */
static bool read_conf(const char *path, char *url, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *line = NULL, *word[2];
	bool found = false;
	size_t size = 0;
	FILE *file;

	if (fd < 0)
		return false;
	file = trusted(fd, path) ? fdopen(fd, "r") : NULL;
	if (!file) {
		close(fd);
		return false;
	}
	while (!found && getline(&line, &size, file) >= 0) {
		if (words(line, word))
			found = (size_t)snprintf(url, room, "%s", word[0]) < room;
	}
	if (found)
		unescape(url);
	free(line);
	fclose(file);
	return found;
}

/* From the path upwards to what the tables gave; dir is cut in the course of it. */
static void scan_confs(char *dir, struct mounted *found)
{
	char path[PATH_MAX + sizeof(MOUNT_CONF)], url[PATH_MAX];
	size_t deep = strlen(found->dir), len;

	while ((len = strlen(dir)) > deep) {
		bool root = !strcmp(dir, "/");

		snprintf(path, sizeof(path), "%s/%s", root ? "" : dir, MOUNT_CONF);
		if (strlen(path) < PATH_MAX && read_conf(path, url, sizeof(url))) {
			fill(found, dir, dir, url, path);
			return;
		}
		if (root)
			return;
		while (len > 1 && dir[--len] != '/')
			;
		dir[len] = '\0';
	}
}

int mounttable_find(const char *canonical, struct mounted *found)
{
	char dir[PATH_MAX];

	if (*canonical != '/' || strlen(canonical) >= sizeof(dir))
		return -ENOENT;
	found->dir[0] = '\0';
	scan_tables(canonical, found);
	strcpy(dir, canonical);
	scan_confs(dir, found);
	return found->dir[0] ? 0 : -ENOENT;
}
