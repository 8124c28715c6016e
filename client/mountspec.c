/* Mount points: what a URL says, and how a directory leads to one. Pure look-up, any thread. */
#include "client/mountspec.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "client/mounttable.h"
#include "common/addr.h"
#include "common/inprocess.h"
#include "common/log.h"

#define TIMEOUT_DEFAULT_MS 60000
#define TIMEOUT_MAX_S	   (UINT_MAX / 1000)
#define SERVED		   "loop:///" /* a path follows, and its slash is the last of these */

static const char *const schemes[] = {"tcp", "tls", "rdma", "usrbio", "loop"};

/* Does the text begin like a URL? Its scheme's length, else 0. */
static size_t scheme_len(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz");

	return len && !strncmp(text + len, "://", 3) ? len : 0;
}

static const char *skip_slashes(const char *at)
{
	return at + strspn(at, "/");
}

/* Copy [from, from + len) as a string; false when it does not fit. */
static bool take(char *to, size_t room, const char *from, size_t len)
{
	if (len >= room)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

static bool host_is_plain(const char *name)
{
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (c <= ' ' || c == 0x7f || strchr("@\\#?[]", c))
			return false;
	}
	return true;
}

static int parse_host(struct mountspec *spec, const char *text, size_t len)
{
	struct spec_host *host = &spec->hosts[spec->nr_hosts];
	char one[SPEC_HOST_MAX + 8];
	int err;

	if (spec->nr_hosts == SPEC_HOSTS_MAX || !take(one, sizeof(one), text, len))
		return -EINVAL;
	host->port = PROTO_PORT;
	err = addr_split(one, host->name, sizeof(host->name), &host->port);
	if (err || !host->port || !host_is_plain(host->name))
		return -EINVAL;
	spec->nr_hosts++;
	return 0;
}

static int parse_hosts(struct mountspec *spec, const char *text, size_t len)
{
	for (;;) {
		const char *comma = memchr(text, ',', len);
		size_t one = comma ? (size_t)(comma - text) : len;
		int err = parse_host(spec, text, one);

		if (err || !comma)
			return err;
		text += one + 1;
		len -= one + 1;
	}
}

static int parse_number(const char *text, unsigned min, unsigned max, unsigned *value)
{
	unsigned long long number = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		number = number * 10 + (unsigned)(*text - '0');
		if (number > max)
			return -EINVAL;
	}
	if (number < min)
		return -EINVAL;
	*value = (unsigned)number;
	return 0;
}

/* A name of a file, and none of a folder. */
static int parse_key(const char *text, char *key)
{
	size_t len = strlen(text);

	if (!secret_id_ok(text, len) || *text == '.')
		return -EINVAL;
	memcpy(key, text, len + 1);
	return 0;
}

/* Of the wires only tcp can be encrypted; a URL that says tls:// is. */
static int parse_tls(struct mountspec *spec, bool required)
{
	bool tcp = !strcmp(spec->scheme, "tcp"), any = !strcmp(spec->scheme, "usrbio");

	if (required ? !tcp && !any && !spec->tls : spec->tls)
		return -EINVAL;
	spec->tls |= required;
	return 0;
}

static int parse_option(struct mountspec *spec, const char *option)
{
	unsigned seconds;

	if (*spec->serve && !strcmp(option, "ro")) {
		spec->read_only = true;
		return 0;
	}
	if (!strncmp(option, "nconnect=", 9))
		return parse_number(option + 9, 1, SESSION_CONNS_MAX, &spec->nconnect);
	if (!strcmp(option, "tls=required") || !strcmp(option, "tls=off"))
		return parse_tls(spec, option[4] == 'r');
	if (!strncmp(option, "key=", 4))
		return parse_key(option + 4, spec->key);
	if (strncmp(option, "timeout=", 8))
		return -EINVAL;
	if (parse_number(option + 8, 0, TIMEOUT_MAX_S, &seconds))
		return -EINVAL;
	spec->timeout_ms = seconds * 1000;
	return 0;
}

static int parse_options(struct mountspec *spec, const char *text, size_t len)
{
	char options[MOUNT_POINT_MAX], *at = options, *option;

	if (!take(options, sizeof(options), text, len))
		return -EINVAL;
	while ((option = strsep(&at, "&"))) {
		int err = parse_option(spec, option);

		if (err)
			return err;
	}
	return 0;
}

/* Append to the mount point being put together. */
static int append(struct mountspec *spec, const char *text, size_t len)
{
	size_t used = strlen(spec->mount_point);

	return take(spec->mount_point + used, MOUNT_POINT_MAX - used, text, len) ? 0 : -EINVAL;
}

const char *mountspec_served(const char *url)
{
	return strncmp(url, SERVED, sizeof(SERVED) - 1) ? NULL : url + sizeof(SERVED) - 2;
}

/* The directory [path, end) without doubled and trailing slashes. */
static int parse_directory(struct mountspec *spec, const char *path, const char *end)
{
	if (append(spec, SERVED, sizeof(SERVED) - 2))
		return -EINVAL;
	for (path = skip_slashes(path); path < end; path = skip_slashes(path)) {
		size_t len = strcspn(path, "/?");

		if (append(spec, "/", 1) || append(spec, path, len))
			return -EINVAL;
		path += len;
	}
	if (!spec->mount_point[sizeof(SERVED) - 2] && append(spec, "/", 1))
		return -EINVAL;
	strcpy(spec->serve, mountspec_served(spec->mount_point));
	strcpy(spec->export, INPROCESS_EXPORT);
	return 0;
}

/* What cannot be looked at (-EACCES) shows when it is served. */
static bool may_be_directory(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno != ENOENT && errno != ENOTDIR;
	return S_ISDIR(st.st_mode);
}

/* loop:///DIR[?options][/path]. A '?' alone is there to be followed by a path. */
static int parse_served(const char *url, struct mountspec *spec, const char **rest)
{
	const char *path = mountspec_served(url), *end = path + strcspn(path, "?");
	int err = parse_directory(spec, path, end);
	size_t len = strcspn(end, "/");

	if (!err && len > 1)
		err = parse_options(spec, end + 1, len - 1);
	if (!err)
		err = append(spec, end, len);
	if (err)
		return err;
	if (!may_be_directory(spec->serve)) {
		log_warn("%s: no such directory", spec->mount_point);
		return -ENOENT;
	}
	*rest = skip_slashes(end + len);
	return 0;
}

/* scheme://hosts/export[?options][/path]; *rest is where the path begins. */
static int parse_url(const char *url, struct mountspec *spec, const char **rest)
{
	size_t scheme = scheme_len(url), len;
	const char *at = url + scheme + 3;

	*spec = (struct mountspec){.timeout_ms = TIMEOUT_DEFAULT_MS, .nconnect = 1};
	take(spec->scheme, sizeof(spec->scheme), url, scheme);
	spec->tls = !strcmp(spec->scheme, "tls");
	if (mountspec_served(url))
		return parse_served(url, spec, rest);

	len = strcspn(at, "/");
	if (parse_hosts(spec, at, len) || append(spec, url, (size_t)(at + len - url)))
		return -EINVAL;

	at = skip_slashes(at + len);
	len = strcspn(at, "/?");
	if (!len || !take(spec->export, sizeof(spec->export), at, len))
		return -EINVAL;
	if (!strcmp(spec->export, ".") || !strcmp(spec->export, ".."))
		return -EINVAL;
	if (append(spec, "/", 1) || append(spec, at, len))
		return -EINVAL;

	at += len;
	if (*at == '?') {
		len = strcspn(at, "/");
		if (parse_options(spec, at + 1, len - 1) || append(spec, at, len))
			return -EINVAL;
		at += len;
	}
	*rest = skip_slashes(at);
	return 0;
}

int mountspec_of_url(const char *url, struct mountspec *spec, const char **rest)
{
	size_t scheme, i;

	if (!url)
		return -EINVAL;
	scheme = scheme_len(url);
	for (i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		struct mountspec found;
		int err;

		if (strlen(schemes[i]) != scheme || strncmp(url, schemes[i], scheme))
			continue;
		err = parse_url(url, &found, rest);
		if (err == -EINVAL)
			log_warn("malformed mount point %s", url);
		if (!err)
			*spec = found;
		return err;
	}
	return -ENOENT;
}

/* A mount's URL must end with its export. */
static int whole_url(const char *url, struct mountspec *spec)
{
	struct mountspec found;
	const char *rest;
	int err = mountspec_of_url(url, &found, &rest);

	if (!err && *rest)
		err = -ENOENT;
	if (!err)
		*spec = found;
	return err;
}

/* What a table or a conf file says about a directory: its URL under the directory's name. */
static int mounted_directory(const struct mounted *mounted, struct mountspec *spec)
{
	struct mountspec found;

	if (whole_url(mounted->url, &found)) {
		log_warn("%s: bad URL %s for %s", mounted->source, mounted->url, mounted->name);
		return -EINVAL;
	}
	if (!take(found.mount_point, sizeof(found.mount_point), mounted->name,
		  strlen(mounted->name)) ||
	    !take(found.dir, sizeof(found.dir), mounted->dir, strlen(mounted->dir)))
		return -EINVAL;
	*spec = found;
	return 0;
}

int mountspec_of_canonical(const char *canonical, struct mountspec *spec, const char **rest)
{
	struct mounted mounted;
	int err = mounttable_find(canonical, &mounted);

	if (err)
		return err;
	err = mounted_directory(&mounted, spec);
	if (!err)
		*rest = skip_slashes(canonical + strlen(mounted.dir));
	return err;
}

int mountspec_of_path(const char *path, struct mountspec *spec, char *canonical, const char **rest)
{
	if (!path)
		return -EINVAL;
	if (!*path || !realpath(path, canonical))
		return -ENOENT;
	return mountspec_of_canonical(canonical, spec, rest);
}

int mountspec_find(const char *mount_point, struct mountspec *spec)
{
	char canonical[PATH_MAX];
	struct mountspec found;
	const char *rest;
	int err;

	if (!mount_point || strlen(mount_point) >= MOUNT_POINT_MAX)
		return -EINVAL;
	if (scheme_len(mount_point))
		return whole_url(mount_point, spec);
	err = mountspec_of_path(mount_point, &found, canonical, &rest);
	if (!err && *rest)
		err = -ENOENT;
	if (!err)
		*spec = found;
	return err;
}

static size_t len_without_mark(const char *mount_point)
{
	size_t len = strlen(mount_point);

	return len && mount_point[len - 1] == '?' ? len - 1 : len;
}

bool mountspec_is(const struct mountspec *spec, const char *mount_point)
{
	size_t len = len_without_mark(mount_point);

	if (!mountspec_served(spec->mount_point))
		return !strcmp(spec->mount_point, mount_point);
	return len == len_without_mark(spec->mount_point) &&
	       !memcmp(spec->mount_point, mount_point, len);
}

/* Each wire by one name. */
static const char *wire_of(const struct mountspec *spec)
{
	return strcmp(spec->scheme, "tls") ? spec->scheme : "tcp";
}

/* The order matters: it is the one in which they are tried. */
static bool same_hosts(const struct mountspec *spec, const struct mountspec *other)
{
	if (spec->nr_hosts != other->nr_hosts)
		return false;
	for (unsigned i = 0; i < spec->nr_hosts; i++) {
		if (spec->hosts[i].port != other->hosts[i].port ||
		    strcasecmp(spec->hosts[i].name, other->hosts[i].name))
			return false;
	}
	return true;
}

bool mountspec_same(const struct mountspec *spec, const struct mountspec *other)
{
	return !strcmp(wire_of(spec), wire_of(other)) && same_hosts(spec, other) &&
	       !strcmp(spec->serve, other->serve) && !strcmp(spec->export, other->export) &&
	       !strcmp(spec->key, other->key) && spec->tls == other->tls &&
	       spec->read_only == other->read_only && spec->timeout_ms == other->timeout_ms &&
	       spec->nconnect == other->nconnect;
}
