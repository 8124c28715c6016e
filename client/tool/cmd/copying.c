/*
 * A copy of cp or sync; see copying.h. The main thread owns the run, and is the walker.
 */
#include <errno.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/base/stop.h"
#include "client/tool/base/tool.h"
#include "client/tool/cmd/copying.h"
#include "client/tool/run/progress.h"
#include "client/tool/tree/extras.h"
#include "client/tool/tree/walk.h"
#include "common/base/clock.h"

#define FEW  64	   /* sources whose sizes are looked at in advance */
#define PAGE 4096u /* bytes */
/* Pieces have at least this size in bytes, because files of procfs report a size of 0. */
#define BLOCK_MIN 65536u

struct copying copying_defaults(void)
{
	return (struct copying){
		.config = {.block = 1 << 20, .depth = 16, .lanes = 4, .sync = true}};
}

bool copying_set(struct copying *copying, int option)
{
	switch (option) {
	case COPYING_VERIFY:
		copying->config.verify = true;
		break;
	case COPYING_NO_SYNC:
		copying->config.sync = false;
		break;
	case COPYING_BLOCK:
		copying->config.block = size_option("--block", 512, 1 << 30);
		break;
	case COPYING_DEPTH:
		copying->config.depth = (unsigned)size_option("--depth", 1, 65536);
		break;
	case COPYING_RINGS:
		copying->config.lanes = (unsigned)size_option("--rings", 1, 1024);
		break;
	case COPYING_EXCLUDE:
		exclude_add(&copying->exclude, optarg);
		break;
	case COPYING_JSON:
		copying->json = true;
		break;
	case 'q':
		copying->quiet = true;
		break;
	default:
		return false;
	}
	return true;
}

/*
 * If the sources are few files, limit memory and threads to what they can use. The block is larger
 * than the largest file, because the last piece reads beyond its end.
 */
static struct copy_config fit(const struct copying *copying, const struct fs *fs, char **sources,
			      int n)
{
	struct copy_config config = copying->config;
	uint64_t pieces = 0, largest = 0;
	struct usrbio_stat st;

	if (copying->recursive || n > FEW || !strcmp(*sources, STANDARD))
		return config;
	for (int i = 0; i < n; i++) {
		if (fs->stat(sources[i], &st))
			continue;
		largest = st.size > largest ? st.size : largest;
		pieces += st.size / config.block + 1;
	}
	if (largest + PAGE < config.block)
		config.block = (largest / PAGE + 1) * PAGE;
	if (config.block < BLOCK_MIN)
		config.block =
			copying->config.block < BLOCK_MIN ? copying->config.block : BLOCK_MIN;
	if (config.lanes > pieces)
		config.lanes = pieces ? (unsigned)pieces : 1;
	if (config.depth > (pieces + config.lanes - 1) / config.lanes)
		config.depth = (unsigned)((pieces + config.lanes - 1) / config.lanes);
	config.depth += !config.depth;
	return config;
}

static void tell_copy(void *arg)
{
	copy_stop(arg);
}

/*
 * Copy the first of n sources and those after it on the same mount. Returns how many they are; -1:
 * the copy could not start.
 */
static int copy_group(const struct copying *copying, struct run *run, const struct target *target,
		      char **sources, int n)
{
	struct endpoint from, next;
	struct copy_config config;
	struct copy copy;
	int group = 1, err = endpoint_of(sources[0], &from);

	if (err) {
		fail(sources[0], err);
		run_count_failure(run);
		return 1;
	}
	while (group < n && !endpoint_of(sources[group], &next) && endpoint_same(&from, &next))
		group++;
	config = fit(copying, from.fs, sources, group);
	err = copy_start(&copy, run, &config, &from, &target->endpoint);
	if (err) {
		fail("cannot copy", err);
		return -1;
	}
	stop_tell(tell_copy, &copy);
	for (int i = 0; i < group; i++) {
		if (run->stopped)
			run_add_missing(run, strdup(sources[i]));
		else
			sources_add(&copy, copying, target, sources[i]);
	}
	atomic_store(&run->totals.walked, group == n);
	copy_finish(&copy);
	extras_remove(&copy);
	stop_tell(NULL, NULL);
	return group;
}

/* 0, or an exit status: the error was reported. */
static int open_target(struct target *target, struct run *run, const char *path, int n)
{
	if (strcmp(path, STANDARD))
		return target_open(target, run, path, n);
	*target = (struct target){.path = path, .endpoint = {.fs = &fs_local, .rest = path}};
	return 0;
}

static int copy_all(const struct copying *copying, struct run *run, char **sources, int n)
{
	struct target target;
	int status = open_target(&target, run, sources[n], n), done = 0;

	if (target.dir && !status)
		walk_adopt(run, target.dir);
	while (!status && done < n && !stop_signal()) {
		int group = copy_group(copying, run, &target, sources + done, n - done);

		if (group < 0)
			status = EXIT_FAILED;
		else
			done += group;
	}
	while (stop_signal() && done < n)
		run_add_missing(run, strdup(sources[done++]));
	target_close(&target); /* its directory is synced now */
	return status;
}

int copying_run(struct copying *copying, char **paths, int n)
{
	struct progress *progress;
	uint64_t begin = now_ns();
	struct run run;
	int status, err;

	raise_file_limit();
	err = stop_begin();
	if (err)
		return fail("cannot watch for signals", err);
	copying->config.exclude = &copying->exclude;
	run_init(&run, &copying->config);
	progress = copying->quiet || copying->json ? NULL : progress_start(&run.totals);
	status = copy_all(copying, &run, paths, n);
	progress_stop(progress);
	run_tell_missing(&run);
	if (run.totals.failed || run.stopped)
		status = EXIT_FAILED;
	summary_print(copying, &run.totals, status, now_ns() - begin);
	run_destroy(&run);
	exclude_free(&copying->exclude);
	return stop_signal() ? 128 + stop_signal() : status;
}
