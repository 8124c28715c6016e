/* The check of a name: one component of a path, as a directory may hold it. */
#ifndef USRBIO_PROTO_NAME_H
#define USRBIO_PROTO_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "proto/limits.h"

/* True if the name is not "", "." or "..", and has no slash or zero byte; of any length. */
static inline bool name_is_plain(const char *name, size_t len)
{
	if (!len || (len <= 2 && !memcmp(name, "..", len)))
		return false;
	return !memchr(name, '/', len) && !memchr(name, 0, len);
}

#endif
