/*
 * Checks of names: of one component of a path, as a directory may hold it; and of an extended
 * attribute.
 */
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

/* True for an extended attribute that clients may use: of the user, or an access control list. */
static inline bool name_is_xattr(const char *name, size_t len)
{
	static const char user[] = "user.", access[] = "system.posix_acl_access",
			  inherited[] = "system.posix_acl_default";
	const size_t prefix = sizeof(user) - 1;

	if (len > PROTO_NAME_MAX || memchr(name, 0, len))
		return false;
	return (len > prefix && !memcmp(name, user, prefix)) ||
	       (len == sizeof(access) - 1 && !memcmp(name, access, len)) ||
	       (len == sizeof(inherited) - 1 && !memcmp(name, inherited, len));
}

#endif
