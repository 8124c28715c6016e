/*
 * Reads the mount table and the conf files of attached directories; see mounttable.h. These files
 * decide where a program connects, and other users may be able to write them. So only files that
 * common/host/trusted.h trusts are used. No state; any thread.
 */
#include "client/spec/mounttable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/trusted.h"

#define BLANKS	  " \t\r\n"
#define TABLE_MAX (4u << 20) /* bytes of a file */
#define CONF_MAX  (64u << 10)
#define ELSEWHERE "; or name the mount in " MOUNT_TABLE

/* True if `dir` is the path or one of its ancestors. */
static bool contains(const char *dir, const char *path)
{
	size_t len = strlen(dir);

	if (!strcmp(dir, "/"))
		return true;
	return !strncmp(dir, path, len) && (path[len] == '/' || !path[len]);
}

/* Remove doubled and trailing slashes in place. */
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

/* Replace escapes such as \040 by their characters in place, as in /etc/fstab. */
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

/* Cut the first two words out of a line. Returns how many there are; a comment has none. */
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

/*
 * Check a line that lets this process serve a directory with its own rights. Only the user may
 * write such a line, because any other author could choose the contents of a directory of the user.
 */
static bool may_say(const struct trusted_text *text, const char *url, const char *source)
{
	if (text->own || strncmp(url, "loop:", 5))
		return true;
	trusted_say(source,
		    "only a file of the user's own may use loop:; copy it to such a file, and "
		    "name that in USRBIO_MOUNTS");
	return false;
}

/* One line of a table, and its origin. */
struct line {
	const struct trusted_text *text;
	const char *source;
	unsigned nr;
};

static void say_line(const struct line *line, const char *reason)
{
	char where[PATH_MAX + 16];

	snprintf(where, sizeof(where), "%.500s:%u", line->source, line->nr);
	trusted_say(where, reason);
}

/*
 * Find the canonical path of the directory that a line names. False: there is no such directory, or
 * the name is a link of another user.
 */
static bool find_dir(const struct line *line, const char *name, char dir[PATH_MAX])
{
	char reason[TRUSTED_REASON_MAX];
	struct trusted_place place;

	if (trusted_walk(name, &place, reason)) {
		if (*reason)
			say_line(line, reason);
		return false;
	}
	close(place.dir);
	strcpy(dir, place.path);
	return true;
}

/* Keep the mount of a line if it contains the path and is deeper than the one found so far. */
static void consider(const struct line *line, char *text, const char *canonical,
		     struct mounted *found)
{
	char *word[2], dir[PATH_MAX];
	int n = words(text, word);

	if (!n)
		return;
	if (n == 2) {
		unescape(word[0]);
		unescape(word[1]);
	}
	if (n != 2 || *word[0] != '/' || strlen(word[0]) >= PATH_MAX || strlen(word[1]) >= PATH_MAX)
		return say_line(line, "write '/DIRECTORY URL' in it");
	if (!find_dir(line, word[0], dir) || !contains(dir, canonical) ||
	    strlen(dir) <= strlen(found->dir) || !may_say(line->text, word[1], line->source))
		return;
	squeeze(word[0]);
	fill(found, dir, word[0], word[1], line->source);
}

static void scan_table(const char *path, const char *canonical, struct mounted *found)
{
	char reason[TRUSTED_REASON_MAX], *at, *text;
	struct trusted_text table;
	struct line line = {.text = &table, .source = path};

	if (trusted_read_path(path, TABLE_MAX, &table, reason)) {
		if (*reason)
			trusted_say(path, reason);
		return;
	}
	for (at = table.data; (text = strsep(&at, "\n"));) {
		line.nr++;
		consider(&line, text, canonical, found);
	}
	free(table.data);
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

/* Get the first word of the first line that has one, without escapes; "": there is none. */
static void first_word(const struct trusted_text *conf, char url[PATH_MAX])
{
	char *at = conf->data, *line, *word[2];

	*url = '\0';
	while ((line = strsep(&at, "\n"))) {
		if (!words(line, word))
			continue;
		unescape(word[0]);
		snprintf(url, PATH_MAX, "%s", strlen(word[0]) < PATH_MAX ? word[0] : "too long");
		return;
	}
}

/* Open DIRECTORY/3fs-virt. A descriptor; -ENOENT: there is none; -ELOOP: it is a link. */
static int open_virt(int dir)
{
	int fd = openat(dir, MOUNT_VIRT, O_PATH | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct stat st;

	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, &st) || !(S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode)))
		err = -ENOENT;
	else if (S_ISLNK(st.st_mode))
		err = -ELOOP;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/*
 * Read the conf of a directory. The directory and 3fs-virt are checked first: if they are trusted,
 * no other user can replace the conf. The directories above need no check: a user who may rename
 * this one can only put another trusted directory in its place, and its conf belongs to its files.
 */
static int read_conf(int dir, struct trusted_text *conf, char *reason)
{
	int virt = open_virt(dir), err = -EACCES;
	struct stat st;

	*reason = '\0';
	if (virt == -ELOOP)
		strcpy(reason, MOUNT_VIRT " is a symbolic link; remove it and attach again");
	if (virt < 0)
		return virt;
	if (fstatat(virt, MOUNT_FILE, &st, AT_SYMLINK_NOFOLLOW))
		err = -ENOENT;
	else if (trusted_fd(dir, "its directory", reason) && trusted_fd(virt, MOUNT_VIRT, reason))
		err = trusted_read(virt, MOUNT_FILE, CONF_MAX, conf, reason);
	close(virt);
	return err;
}

/* Keep the mount of a directory that has a trusted conf. */
static void consider_conf(int dir, const char *path, struct mounted *found)
{
	char source[PATH_MAX + sizeof(MOUNT_CONF) + 1], url[PATH_MAX];
	char reason[TRUSTED_REASON_MAX + sizeof(ELSEWHERE)];
	struct trusted_text conf;
	int err = read_conf(dir, &conf, reason);

	snprintf(source, sizeof(source), "%s/%s", strcmp(path, "/") ? path : "", MOUNT_CONF);
	if (err && *reason) {
		strcat(reason, ELSEWHERE);
		trusted_say(source, reason);
	}
	if (err)
		return;
	first_word(&conf, url);
	if (*url && may_say(&conf, url, source))
		fill(found, path, path, url, source);
	free(conf.data);
}

/*
 * Open the next component of `canonical`, whose first *len bytes are the path of `dir`. Closes dir;
 * returns a descriptor or -1.
 */
static int descend(int dir, const char *canonical, size_t *len)
{
	const char *name = canonical + *len + strspn(canonical + *len, "/");
	size_t name_len = strcspn(name, "/");
	char one[NAME_MAX + 1];
	int fd = -1;

	if (name_len && name_len < sizeof(one)) {
		memcpy(one, name, name_len);
		one[name_len] = '\0';
		*len = (size_t)(name - canonical) + name_len;
		fd = openat(dir, one, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	close(dir);
	return fd;
}

/*
 * Look for a conf in each directory from the root down to the path. The deepest mount that is found
 * is kept, if it is deeper than that of the tables. The directories are opened one after the other
 * without following links, because another user may have put a link into the path meanwhile.
 */
static void scan_confs(const char *canonical, struct mounted *found)
{
	int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t deep = strlen(found->dir), len = 0;
	char path[PATH_MAX];

	while (dir >= 0) {
		snprintf(path, sizeof(path), "%.*s", len ? (int)len : 1, canonical);
		if (strlen(path) > deep)
			consider_conf(dir, path, found);
		dir = descend(dir, canonical, &len);
	}
}

int mounttable_find(const char *canonical, struct mounted *found)
{
	if (*canonical != '/' || strlen(canonical) >= PATH_MAX)
		return -ENOENT;
	found->dir[0] = '\0';
	scan_tables(canonical, found);
	scan_confs(canonical, found);
	return found->dir[0] ? 0 : -ENOENT;
}
