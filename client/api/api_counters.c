/*
 * The functions of usrbio.h about counters: those of this process, and those of the server of a
 * mount. No state; any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/cancel.h"
#include "client/calls/listing.h"
#include "client/calls/mount_call.h"
#include "client/mount/mount.h"
#include "client/usrbio.h"

static const char *const names[NR_COUNTS] = {
	[COUNT_READS] = "reads",
	[COUNT_READ_BYTES] = "read_bytes",
	[COUNT_WRITES] = "writes",
	[COUNT_WRITTEN_BYTES] = "written_bytes",
	[COUNT_ERRORS] = "errors",
	[COUNT_BATCHES] = "batches",
	[COUNT_ENTRIES] = "entries",
	[COUNT_COMPLETIONS] = "completions",
	[COUNT_RESULTS] = "results",
	[COUNT_IMMEDIATES] = "immediates",
	[COUNT_CALLS] = "calls",
	[COUNT_MESSAGES_IN] = "messages_in",
	[COUNT_MESSAGES_OUT] = "messages_out",
	[COUNT_POSTS] = "posts",
	[COUNT_STAGED_BYTES] = "staged_bytes",
	[COUNT_DIRECT_BYTES] = "direct_bytes",
	[COUNT_DOORBELLS] = "doorbells",
	[COUNT_SIGNALLED] = "signalled",
	[COUNT_POLLS] = "polls",
	[COUNT_TURNS] = "turns",
	[COUNT_SLEEPS] = "sleeps",
	[COUNT_CONNECTIONS] = "connections",
};

#define LIMIT(which, name) [2 * LIMIT_##which] = name, [2 * LIMIT_##which + 1] = name "_max"
static const char *const limit_names[2 * NR_LIMITS] = {
	LIMIT(MEMORY, "memory_bytes"),	 LIMIT(CONNECTIONS, "connections"),
	LIMIT(SESSIONS, "sessions"),	 LIMIT(HANDSHAKES, "handshake"),
	LIMIT(STAGING, "staging_bytes"), LIMIT(PIPES, "pipes"),
	LIMIT(INFLIGHT, "inflight"),	 LIMIT(CALLS, "calls"),
	LIMIT(REGIONS, "regions"),	 LIMIT(FILES, "files"),
};

static const char *const export_names[NR_EXPORT_COUNTS] = {
	[EXPORT_CALLS_BUSY] = "calls_busy",	[EXPORT_CALLS_WAITING] = "calls_waiting",
	[EXPORT_CLOSES_BUSY] = "closes_busy",	[EXPORT_CLOSES_WAITING] = "closes_waiting",
	[EXPORT_CALL_THREADS] = "call_threads",
};

static const char *const id_names[NR_ID_COUNTS] = {
	[ID_CONNECTIONS] = "connections",
	[ID_CONNECTIONS_MAX] = "connections_max",
	[ID_SESSIONS] = "sessions",
	[ID_SESSIONS_MAX] = "sessions_max",
	[ID_FILES] = "files",
	[ID_FILES_MAX] = "files_max",
	[ID_INFLIGHT_BYTES] = "inflight_bytes",
	[ID_REFUSED] = "refused",
	[ID_EVICTED] = "evicted",
	[ID_BYTES_PER_S_MAX] = "bytes_per_second_max",
	[ID_IOS_PER_S_MAX] = "ios_per_second_max",
	[ID_THROTTLED] = "throttled",
	[ID_MEMORY_BYTES] = "memory_bytes",
};

/* The kinds of counters, indexed by COUNTED_*. */
static const struct kind {
	const char *name;
	const char *const *names;
	uint32_t nr;
} kinds[] = {
	[COUNTED_WORKER] = {"worker", names, NR_COUNTS},
	[COUNTED_CONNECTION] = {"connection", names, NR_COUNTS},
	[COUNTED_LIMITS] = {"limits", limit_names, 2 * NR_LIMITS},
	[COUNTED_EXPORT] = {"export", export_names, NR_EXPORT_COUNTS},
	[COUNTED_ID] = {"id", id_names, NR_ID_COUNTS},
};

static const struct kind *kind_of(uint32_t type)
{
	return type && type < sizeof(kinds) / sizeof(*kinds) ? &kinds[type] : NULL;
}

int usrbio_counters(const char *mount_point, struct usrbio_counters *counters)
{
	NOT_CANCELLED;
	struct mount *mount;
	int err;

	if (!counters)
		return -EINVAL;
	err = mount_get(mount_point, &mount);
	if (err)
		return err;
	err = mount_counters(mount, counters);
	mount_put(mount);
	return err;
}

/* Call fn for each row, with the values that both sides know. The codec has checked the rows. */
static void tell(const struct reply *reply, usrbio_counters_fn fn, void *arg)
{
	uint32_t width = reply->counts_width;
	const char *name = (const char *)reply->names.data;

	for (size_t i = 0; i < reply->nr_types; i++, name += strlen(name) + 1) {
		const struct kind *kind = kind_of(reply->types[i]);
		struct usrbio_server_counters row;

		if (!kind)
			continue;
		row = (struct usrbio_server_counters){
			.kind = kind->name,
			.name = name,
			.nr = width < kind->nr ? width : kind->nr,
			.names = kind->names,
			.values = reply->counts + i * width,
		};
		fn(arg, &row);
	}
}

/* Get all counters of the server, in several calls, and call fn for each row. 0 or -errno. */
static int ask(struct mount *mount, struct answer *answer, usrbio_counters_fn fn, void *arg)
{
	struct call call = {.op = CALL_COUNTERS};
	struct listing listing = {0};
	int err;

	do {
		err = mount_call(mount, &call, answer);
		if (err)
			return err;
		tell(&answer->reply, fn, arg);
		err = listing_check(&listing, call.off, &answer->reply);
		if (err)
			return err;
		/* The position must grow, so that the list ends. */
		if (answer->reply.next && answer->reply.next <= call.off)
			return -EPROTO;
		call.off = answer->reply.next;
	} while (call.off);
	return 0;
}

int usrbio_server_counters(const char *mount_point, usrbio_counters_fn fn, void *arg)
{
	NOT_CANCELLED;
	struct answer *answer;
	struct mount *mount;
	int err;

	if (!fn)
		return -EINVAL;
	err = mount_get(mount_point, &mount);
	if (err)
		return err;
	answer = malloc(sizeof(*answer));
	err = answer ? ask(mount, answer, fn, arg) : -ENOMEM;
	free(answer);
	mount_put(mount);
	return err;
}
