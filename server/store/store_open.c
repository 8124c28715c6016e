/* Which store an export's description names. No state; the starting thread calls it. */
#include "server/store/store.h"

#include <string.h>

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
