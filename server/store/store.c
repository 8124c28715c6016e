/* Which store an export's description names. */
#include "server/store/store.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "proto/name.h"
#include "server/store/store_fault.h"

static const struct {
	const char *prefix;
	const struct store_ops *ops;
} providers[] = {
	{"posix:", &store_posix},
	{"null:", &store_null},
	{"memory:", &store_memory},
	{"fault:", &store_fault},
};

int store_open(const char *where, unsigned flags, struct store **store)
{
	for (size_t i = 0; i < sizeof(providers) / sizeof(*providers); i++) {
		size_t len = strlen(providers[i].prefix);

		if (!strncmp(where, providers[i].prefix, len))
			return providers[i].ops->open_store(where + len, flags, store);
	}
	return store_posix.open_store(where, flags, store);
}

const char *store_directory(const char *where)
{
	while (!strncmp(where, "fault:", 6)) {
		where = strchr(where + 6, ':');
		if (!where)
			return NULL;
		where++;
	}
	if (!strncmp(where, "null:", 5) || !strncmp(where, "memory:", 7))
		return NULL;
	return strncmp(where, "posix:", 6) ? where : where + 6;
}

int store_check_open(const struct store *store, uint32_t flags)
{
	if (!(flags & (OPEN_READ | OPEN_WRITE)) || flags & ~(uint32_t)OPEN_FLAGS_ALL)
		return -EINVAL;
	if (flags & OPEN_TRUNCATE && !(flags & OPEN_WRITE))
		return -EINVAL;
	if (flags & OPEN_DIRECTORY && flags & OPEN_CREATE)
		return -EINVAL;
	if (flags & OPEN_FOLLOW && flags & OPEN_NOFOLLOW)
		return -EINVAL;
	if (store->read_only && flags & (OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE))
		return -EROFS;
	return 0;
}

int store_check_name(const struct store_file *at, const char *name)
{
	size_t len;

	if (!at)
		return 0;
	if (at->regular)
		return -ENOTDIR;
	len = strlen(name);
	if (!name_is_plain(name, len))
		return -EINVAL;
	return len > PROTO_NAME_MAX ? -ENAMETOOLONG : 0;
}

bool store_name_reserved(const char *name, size_t len, bool in_root)
{
	static const char everywhere[] = "3fs-virt", root[] = ".usrbio";

	if (len == sizeof(everywhere) - 1)
		return !strncasecmp(name, everywhere, len);
	return in_root && len == sizeof(root) - 1 && !strncasecmp(name, root, len);
}
