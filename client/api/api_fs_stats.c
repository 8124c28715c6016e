/*
 * usrbio_stats: the attributes of many paths. Paths of one mount are put into calls, a few of which
 * are under way at a time: while the server works on some, this thread fills the next one and takes
 * the answer to the last. All memory belongs to the call of usrbio_stats; any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "client/api/api_fs.h"
#include "client/base/cancel.h"
#include "client/spec/mounturl.h"

#define CALLS 4 /* that are under way at a time */
/* The bytes of paths in a call; a frame holds them with the other fields. */
#define NAMES_ROOM (FRAME_MAX - 256)

/* One call, and the paths in it. */
struct stats_call {
	struct started_call started;
	struct call call;
	struct answer answer;
	char names[NAMES_ROOM];
	size_t of[STATS_MAX]; /* the number of each path */
	bool under_way;
};

struct stats {
	const char *const *paths;
	struct usrbio_stat *attrs;
	int *errs;
	bool nofollow;
	int nr_found;
	/* The mount of the last path; and, if that was a URL, the part of it up to the export. */
	struct mount *mount;
	const char *url;
	size_t url_len;
	unsigned filling; /* the call that is being filled */
	struct stats_call calls[CALLS];
};

static void set(struct stats *stats, size_t path, const struct attr_row *row, uint64_t host)
{
	struct file_attr attr = attr_of_row(row);

	if (row->status)
		memset(&stats->attrs[path], 0, sizeof(*stats->attrs));
	else
		stats->attrs[path] = api_fs_stat_of(&attr, host);
	stats->nr_found += !row->status;
	if (stats->errs)
		stats->errs[path] = (int)row->status;
}

static void fail(struct stats *stats, size_t path, int err)
{
	const struct attr_row row = {.status = err};

	set(stats, path, &row, 0);
}

/* Wait for a call, and take its rows. */
static void end(struct stats *stats, struct stats_call *call)
{
	int err;

	if (!call->under_way)
		return;
	call->under_way = false;
	err = mount_call_end(&call->started);
	for (size_t i = 0; i < call->call.nr_names; i++)
		if (err)
			fail(stats, call->of[i], err);
		else
			set(stats, call->of[i], &call->answer.reply.attrs[i], call->answer.host);
}

static void begin(struct stats_call *call, bool nofollow)
{
	call->call = (struct call){.op = CALL_STATS,
				   .flags = nofollow ? CALL_NOFOLLOW : 0,
				   .names = {(const uint8_t *)call->names, 0}};
}

/* Send the call that is being filled, and make room for the next one. */
static void send(struct stats *stats)
{
	struct stats_call *call = &stats->calls[stats->filling];

	if (!call->call.nr_names)
		return;
	mount_call_start(stats->mount, &call->call, &call->answer, &call->started);
	call->under_way = true;
	stats->filling = (stats->filling + 1) % CALLS;
	call = &stats->calls[stats->filling];
	end(stats, call);
	begin(call, stats->nofollow);
}

static void add(struct stats *stats, size_t number, const char *path)
{
	size_t len = strlen(path) + 1;
	struct stats_call *call = &stats->calls[stats->filling];

	if (len > PROTO_PATH_MAX + 1) {
		fail(stats, number, -ENAMETOOLONG);
		return;
	}
	if (call->call.nr_names == STATS_MAX || call->call.names.len + len > NAMES_ROOM) {
		send(stats);
		call = &stats->calls[stats->filling];
	}
	memcpy(call->names + call->call.names.len, path, len);
	call->call.names.len += len;
	call->of[call->call.nr_names++] = number;
}

/* Send what is left, wait for all calls, and let go of the mount. */
static void leave(struct stats *stats)
{
	send(stats);
	for (unsigned i = 0; i < CALLS; i++)
		end(stats, &stats->calls[(stats->filling + i) % CALLS]);
	if (stats->mount)
		mount_put(stats->mount);
	stats->mount = NULL;
	stats->url = NULL;
}

/*
 * Return the path below the export if this URL begins like the last one. NULL: it does not. Text
 * behind the export is a path, so the same beginning is the same mount.
 */
static const char *below_last(const struct stats *stats, const char *path)
{
	size_t len = stats->url_len;

	if (!stats->url || strncmp(path, stats->url, len) || path[len] != '/')
		return NULL;
	return path[len + 1] && path[len + 1] != '/' ? path + len + 1 : NULL;
}

/* Remember the part of a URL up to the export, if the rest of it is the path that was found. */
static void remember(struct stats *stats, const char *url, const char *below)
{
	size_t len = strlen(url), tail = strlen(below);

	stats->url = NULL;
	/* A path in loop:///DIR/path decides which directory is the mount. */
	if (!mounturl_scheme(url) || (mounturl_served(url) && !strchr(url, '?')) || !tail ||
	    tail >= len || url[len - tail - 1] != '/' || strcmp(url + len - tail, below))
		return;
	stats->url = url;
	stats->url_len = len - tail - 1;
}

static void ask(struct stats *stats, size_t number)
{
	const char *path = stats->paths[number];
	const char *below = path ? below_last(stats, path) : NULL;
	struct resolved_path place;
	int err;

	if (below) {
		add(stats, number, below);
		return;
	}
	err = api_fs_locate(path, !stats->nofollow, &place);
	if (err) {
		fail(stats, number, err);
		return;
	}
	if (place.mount == stats->mount) {
		path_close(&place);
	} else {
		leave(stats);
		stats->mount = place.mount;
	}
	remember(stats, path, place.path);
	add(stats, number, place.path);
}

int usrbio_stats(const char *const *paths, size_t n, int flags, struct usrbio_stat *attrs,
		 int *errs)
{
	NOT_CANCELLED;
	struct stats *stats;
	int nr_found;

	if (!paths || !attrs || n > INT_MAX || flags & ~AT_SYMLINK_NOFOLLOW)
		return -EINVAL;
	stats = malloc(sizeof(*stats));
	if (!stats)
		return -ENOMEM;
	stats->paths = paths;
	stats->attrs = attrs;
	stats->errs = errs;
	stats->nofollow = flags;
	stats->nr_found = 0;
	stats->mount = NULL;
	stats->url = NULL;
	stats->filling = 0;
	for (unsigned i = 0; i < CALLS; i++)
		stats->calls[i].under_way = false;
	begin(&stats->calls[0], stats->nofollow);
	for (size_t i = 0; i < n; i++)
		ask(stats, i);
	leave(stats);
	nr_found = stats->nr_found;
	free(stats);
	return nr_found;
}
