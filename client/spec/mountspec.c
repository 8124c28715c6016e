/*
 * Looks up what a mount point means, which is a URL or a directory with a URL; see mountspec.h. No
 * state; any thread.
 */
#include "client/spec/mountspec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/spec/mounttable.h"
#include "client/spec/mounturl.h"
#include "common/base/log.h"

/* Copy a string into an array of `room` bytes. False: it does not fit. */
static bool copy(char *to, size_t room, const char *from)
{
	size_t len = strlen(from);

	if (len >= room)
		return false;
	memcpy(to, from, len + 1);
	return true;
}

int mountspec_of_url(const char *url, struct mountspec *spec, const char **rest)
{
	struct mountspec found;
	int err;

	if (!url)
		return -EINVAL;
	err = mounturl_parse(url, &found, rest);
	if (err && *found.wrong)
		log_warn("%s: %s", url, found.wrong);
	if (!err)
		*spec = found;
	return err;
}

/* Return the length of the scheme of a URL, known or not; 0: the text is no URL. */
static int any_scheme(const char *url)
{
	const char *end = strstr(url, "://");

	for (const char *at = url; end && at < end; at++)
		if (!isalnum((unsigned char)*at) && !strchr("+-.", *at))
			return 0;
	return end && isalpha((unsigned char)*url) ? (int)(end - url) : 0;
}

bool mountspec_wrong(const char *url, char *text, size_t room)
{
	struct mountspec found;
	const char *rest;

	if (!any_scheme(url) || !mounturl_parse(url, &found, &rest))
		return false;
	if (*found.wrong)
		snprintf(text, room, "%s", found.wrong);
	else
		snprintf(text, room, "unknown scheme %.*s; use tcp, tls, rdma, usrbio or loop",
			 any_scheme(url), url);
	return true;
}

/* Parse the URL of a mount, which must end with its export. 0, -EINVAL, -ENOENT. */
static int whole_url(const char *url, struct mountspec *spec)
{
	const char *rest;
	int err = mounturl_parse(url, spec, &rest);

	return !err && *rest ? -ENOENT : err;
}

/* Parse the URL that a table or a conf file has for a directory. 0; -EINVAL: the log says why. */
static int mounted_directory(const struct mounted *mounted, struct mountspec *spec)
{
	struct mountspec found;

	if (whole_url(mounted->url, &found)) {
		log_warn("%s: bad URL %s for %s%s%s", mounted->source, mounted->url, mounted->name,
			 *found.wrong ? ": " : "", found.wrong);
		return -EINVAL;
	}
	if (!copy(found.mount_point, sizeof(found.mount_point), mounted->name) ||
	    !copy(found.dir, sizeof(found.dir), mounted->dir))
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
		*rest = canonical + strlen(mounted.dir) +
			strspn(canonical + strlen(mounted.dir), "/");
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
	if (mounturl_scheme(mount_point)) {
		err = whole_url(mount_point, &found);
		if (err && *found.wrong)
			log_warn("%s: %s", mount_point, found.wrong);
		if (!err)
			*spec = found;
		return err;
	}
	err = mountspec_of_path(mount_point, &found, canonical, &rest);
	if (!err && *rest)
		err = -ENOENT;
	if (!err)
		*spec = found;
	return err;
}

/* Return the length of a mount point without a '?' at its end. */
static size_t len_without_mark(const char *mount_point)
{
	size_t len = strlen(mount_point);

	return len && mount_point[len - 1] == '?' ? len - 1 : len;
}

bool mountspec_is(const struct mountspec *spec, const char *mount_point)
{
	size_t len = len_without_mark(mount_point);

	if (!mounturl_served(spec->mount_point))
		return !strcmp(spec->mount_point, mount_point);
	return len == len_without_mark(spec->mount_point) &&
	       !memcmp(spec->mount_point, mount_point, len);
}

/* Return the name of the transport: tls:// and tcp://...?tls=required use the same one. */
static const char *wire_of(const struct mountspec *spec)
{
	return strcmp(spec->scheme, "tls") ? spec->scheme : "tcp";
}

/* True if both have the same hosts in the same order, because hosts are tried in that order. */
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
	       spec->nconnect == other->nconnect && spec->given == other->given;
}
