/* Parses the URLs of mounts; see mounturl.h. No state; any thread. It logs nothing. */
#include "client/spec/mounturl.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/spec/mountspec.h"
#include "common/inprocess.h"
#include "common/transport/addr.h"

#define TIMEOUT_DEFAULT_MS 60000
#define TIMEOUT_MAX_S	   (UINT_MAX / 1000)
#define SERVED		   "loop:///" /* its last slash is the first one of the path */

static const char *const schemes[] = {"tcp", "tls", "rdma", "usrbio", "loop"};

/* Store the error text for the caller, who knows where the URL came from. Returns -EINVAL. */
static int wrong(struct mountspec *spec, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(struct mountspec *spec, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(spec->wrong, sizeof(spec->wrong), fmt, args);
	va_end(args);
	return -EINVAL;
}

size_t mounturl_scheme(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz");

	return len && !strncmp(text + len, "://", 3) ? len : 0;
}

static const char *skip_slashes(const char *at)
{
	return at + strspn(at, "/");
}

/* Copy the len bytes at `from` as a string. False: they do not fit. */
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

	if (spec->nr_hosts == SPEC_HOSTS_MAX)
		return wrong(spec, "more than %d hosts", SPEC_HOSTS_MAX);
	if (!take(one, sizeof(one), text, len))
		return wrong(spec, "the name of a host is too long");
	host->port = PROTO_PORT;
	err = addr_split(one, host->name, sizeof(host->name), &host->port);
	if (err || !host->port || !host_is_plain(host->name))
		return wrong(spec, "\"%s\" is not a host; use HOST, HOST:PORT or [IPV6]:PORT", one);
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

/* The key is the name of a file in the folder of keys, and cannot lead out of it. */
static int parse_key(struct mountspec *spec, const char *text)
{
	size_t len = strlen(text);

	if (!secret_id_ok(text, len) || *text == '.')
		return wrong(spec,
			     "key=%s: use the name of a key file: at most %d letters, digits, '_', "
			     "'.' and '-', the first not '.'",
			     text, SECRET_ID_MAX);
	memcpy(spec->key, text, len + 1);
	return 0;
}

/* Only TCP can be encrypted. The scheme tls implies tls=required. */
static int parse_tls(struct mountspec *spec, const char *text)
{
	bool tcp = !strcmp(spec->scheme, "tcp"), any = !strcmp(spec->scheme, "usrbio");

	if (!strcmp(text, "off"))
		return spec->tls ? wrong(spec, "tls=off: TLS is asked for already") : 0;
	if (strcmp(text, "required"))
		return wrong(spec, "tls=%s: use required or off", text);
	if (!tcp && !any && !spec->tls)
		return wrong(spec, "tls=required: %s cannot be encrypted; use tls://",
			     spec->scheme);
	spec->tls = true;
	return 0;
}

static int parse_count(struct mountspec *spec, const char *name, const char *text, unsigned min,
		       unsigned max, unsigned *value)
{
	if (parse_number(text, min, max, value))
		return wrong(spec, "%s=%s: use a number from %u to %u", name, text, min, max);
	return 0;
}

static int parse_option(struct mountspec *spec, const char *option)
{
	unsigned seconds;
	int err;

	if (*spec->serve && !strcmp(option, "ro")) {
		spec->read_only = true;
		return 0;
	}
	if (!strncmp(option, "nconnect=", 9)) {
		spec->given |= SPEC_NCONNECT;
		return parse_count(spec, "nconnect", option + 9, 1, SESSION_CONNS_MAX,
				   &spec->nconnect);
	}
	if (!strncmp(option, "tls=", 4))
		return parse_tls(spec, option + 4);
	if (!strncmp(option, "key=", 4))
		return parse_key(spec, option + 4);
	if (strncmp(option, "timeout=", 8))
		return wrong(spec,
			     "unknown option \"%s\"; there are timeout=SECONDS, nconnect=N, "
			     "key=NAME, tls=required, tls=off%s",
			     option, *spec->serve ? " and ro" : "");
	err = parse_count(spec, "timeout", option + 8, 0, TIMEOUT_MAX_S, &seconds);
	if (!err)
		spec->timeout_ms = seconds * 1000;
	spec->given |= SPEC_TIMEOUT;
	return err;
}

static int parse_options(struct mountspec *spec, const char *text, size_t len)
{
	char options[MOUNT_POINT_MAX], *at = options, *option;

	if (!take(options, sizeof(options), text, len))
		return wrong(spec, "the options are too long");
	while ((option = strsep(&at, "&"))) {
		int err = parse_option(spec, option);

		if (err)
			return err;
	}
	return 0;
}

/* Append to the normalised mount point. 0 or -EINVAL: it is too long. */
static int append(struct mountspec *spec, const char *text, size_t len)
{
	size_t used = strlen(spec->mount_point);

	if (take(spec->mount_point + used, MOUNT_POINT_MAX - used, text, len))
		return 0;
	return wrong(spec, "longer than %d bytes, up to the export and its options",
		     MOUNT_POINT_MAX - 1);
}

const char *mounturl_served(const char *url)
{
	return strncmp(url, SERVED, sizeof(SERVED) - 1) ? NULL : url + sizeof(SERVED) - 2;
}

/* Store the directory from `path` to `end`, without doubled and trailing slashes. */
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
	strcpy(spec->serve, mounturl_served(spec->mount_point));
	strcpy(spec->export, INPROCESS_EXPORT);
	return 0;
}

/* False if the path is certainly no directory. Other errors, as EACCES, are found by the server. */
static bool may_be_directory(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno != ENOENT && errno != ENOTDIR;
	return S_ISDIR(st.st_mode);
}

/* Parse loop:///DIR[?options][/path]. A '?' without options marks where the path begins. */
static int parse_served(const char *url, struct mountspec *spec, const char **rest)
{
	const char *path = mounturl_served(url), *end = path + strcspn(path, "?");
	int err = parse_directory(spec, path, end);
	size_t len = strcspn(end, "/");

	if (!err && len > 1)
		err = parse_options(spec, end + 1, len - 1);
	if (!err)
		err = append(spec, end, len);
	if (err)
		return err;
	if (!may_be_directory(spec->serve)) {
		wrong(spec, "there is no such directory");
		return -ENOENT;
	}
	*rest = skip_slashes(end + len);
	return 0;
}

/* Parse scheme://hosts/export[?options][/path]; *rest is where the path begins. */
static int parse_url(const char *url, struct mountspec *spec, const char **rest)
{
	size_t scheme = mounturl_scheme(url), len;
	const char *at = url + scheme + 3;

	*spec = (struct mountspec){.timeout_ms = TIMEOUT_DEFAULT_MS, .nconnect = 1};
	take(spec->scheme, sizeof(spec->scheme), url, scheme);
	spec->tls = !strcmp(spec->scheme, "tls");
	if (mounturl_served(url))
		return parse_served(url, spec, rest);

	len = strcspn(at, "/");
	if (parse_hosts(spec, at, len) || append(spec, url, (size_t)(at + len - url)))
		return -EINVAL;

	at = skip_slashes(at + len);
	len = strcspn(at, "/?");
	if (!len)
		return wrong(spec, "no export is named; use %s://HOST[:PORT]/EXPORT[?OPTIONS]",
			     spec->scheme);
	if (!take(spec->export, sizeof(spec->export), at, len))
		return wrong(spec, "the name of the export is longer than %d bytes",
			     EXPORT_NAME_MAX);
	if (!strcmp(spec->export, ".") || !strcmp(spec->export, ".."))
		return wrong(spec, "no export is named \"%s\"", spec->export);
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

int mounturl_parse(const char *url, struct mountspec *spec, const char **rest)
{
	size_t scheme = mounturl_scheme(url);

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (strlen(schemes[i]) == scheme && !strncmp(url, schemes[i], scheme))
			return parse_url(url, spec, rest);
	*spec = (struct mountspec){0};
	return -ENOENT;
}
