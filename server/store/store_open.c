/*
 * The choice of the store that the text of an --export names. The caller owns the store. This code
 * has no state, and the thread that starts the server runs it.
 */
#include "server/store/store.h"

#include <errno.h>
#include <string.h>

#include "common/base/log.h"
#include "server/store/fault/store_fault.h"

static const struct {
	const char *prefix;
	const struct store_ops *ops;
} providers[] = {
	{"posix:", &store_posix},
	{"null:", &store_null},
	{"memory:", &store_memory},
};

/* Open a fault store. `where` is "RULES:REST", the text behind "fault:". */
static int open_fault(const char *where, unsigned flags, struct store **store)
{
	const char *rest = strchr(where, ':');
	struct store *inner;
	int err;

	if (!rest) {
		log_error("export fault:%s: use fault:RULES:STORE", where);
		return -EINVAL;
	}
	err = store_open(rest + 1, flags, &inner);
	if (err)
		return err;
	err = store_fault_wrap(where, (size_t)(rest - where), flags, inner, store);
	if (err)
		inner->ops->close_store(inner);
	return err;
}

int store_open(const char *where, unsigned flags, struct store **store)
{
	if (!strncmp(where, "fault:", 6))
		return open_fault(where + 6, flags, store);
	for (size_t i = 0; i < sizeof(providers) / sizeof(*providers); i++) {
		size_t len = strlen(providers[i].prefix);

		if (!strncmp(where, providers[i].prefix, len))
			return providers[i].ops->open_store(where + len, flags, store);
	}
	return store_posix.open_store(where, flags, store);
}

/* What stands behind "fault:RULES:", as often as it is there; NULL: nothing does. */
static const char *innermost(const char *where)
{
	while (where && !strncmp(where, "fault:", 6)) {
		where = strchr(where + 6, ':');
		if (where)
			where++;
	}
	return where;
}

const char *store_directory(const char *where)
{
	where = innermost(where);
	if (!where || !strncmp(where, "null:", 5) || !strncmp(where, "memory:", 7))
		return NULL;
	return strncmp(where, "posix:", 6) ? where : where + 6;
}

uint64_t store_memory_bytes(const char *where)
{
	where = innermost(where);
	return where && !strncmp(where, "memory:", 7) ? memory_store_bytes(where + 7) : 0;
}
