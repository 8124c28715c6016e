/* Is this one component of a path? What a name in a directory is, whoever sends it. */
#ifndef USRBIO_PROTO_NAME_H
#define USRBIO_PROTO_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "proto/limits.h"

/* Not "", "." or "..", and without a slash or a zero byte; of any length. */
static inline bool name_is_plain(const char *name, size_t len)
{
	if (!len || (len <= 2 && !memcmp(name, "..", len)))
		return false;
	return !memchr(name, '/', len) && !memchr(name, 0, len);
}

#endif
