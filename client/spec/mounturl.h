/*
 * Parses URLs of mounts and of files below them: scheme://HOSTS/EXPORT[?OPTIONS][/PATH], or
 * loop:///DIR[?OPTIONS][/PATH]. No state; any thread. It logs nothing.
 */
#ifndef USRBIO_CLIENT_SPEC_MOUNTURL_H
#define USRBIO_CLIENT_SPEC_MOUNTURL_H

#include <stddef.h>

struct mountspec;

/*
 * Parse a URL into *spec; *rest is where the path begins, "" without one. 0; -EINVAL: spec->wrong
 * says what is wrong; -ENOENT: no URL of a known scheme, or loop:///DIR without such a directory.
 */
int mounturl_parse(const char *url, struct mountspec *spec, const char **rest);

/* The length of the scheme of a text that begins like a URL of lower-case letters; otherwise 0. */
size_t mounturl_scheme(const char *text);

/* The path in a URL of the form loop:///PATH; NULL for another one. */
const char *mounturl_served(const char *url);

#endif
