/*
 * usrbio cp: interprets the arguments, and adds the sources to a copy (client/tool/copy). The main
 * thread owns the run, and is the walker.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/copy/copy.h"
#include "client/tool/run/progress.h"
#include "client/tool/base/show.h"
#include "client/tool/base/stop.h"
#include "client/tool/tree/target.h"
#include "client/tool/base/tool.h"
#include "client/tool/tree/walk.h"
#include "common/base/clock.h"

#define FEW  64	   /* sources whose sizes are looked at in advance */
#define PAGE 4096u /* bytes */
/* Pieces have at least this size in bytes, because files of procfs report a size of 0. */
#define BLOCK_MIN 65536u

struct cp_options {
	bool recursive, quiet, json;
	struct copy_config config;
};

static const char help[] =
	"usage: usrbio cp [-r] [OPTIONS] SOURCE... TARGET\n\n"
	"Copy files to, from and between mounts, many blocks and many files at a time.\n"
	"With several sources, or an existing directory as TARGET, copies go into it.\n\n"
	"  -r, --recursive   copy directories with their contents\n"
	"  --verify          read source and target again and compare\n"
	"  --no-sync         do not wait until the copies are on disk\n"
	"  --block BYTES     bytes per I/O, default 1M\n"
	"  --depth N         I/Os under way per ring, default 16\n"
	"  --rings N         rings, each with a thread of its own, default 4\n"
	"  -q, --quiet       no progress, no summary\n"
	"  --json            the summary as JSON\n";

static const struct option option_table[] = {
	{"recursive", no_argument, NULL, 'r'},	 {"verify", no_argument, NULL, 'v'},
	{"no-sync", no_argument, NULL, 's'},	 {"block", required_argument, NULL, 'b'},
	{"depth", required_argument, NULL, 'd'}, {"rings", required_argument, NULL, 'n'},
	{"quiet", no_argument, NULL, 'q'},	 {"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},	 {0},
};

static int check_paths(int argc, char **argv)
{
	if (argc - optind < 2)
		return usage("a source and a target are needed");
	for (int i = optind; i < argc; i++)
		if (!strcmp(argv[i], "-"))
			return usage("-: neither standard input nor standard output is copied; a "
				     "file of that name is ./-");
	return 0;
}

static int parse(int argc, char **argv, struct cp_options *options)
{
	int option;

	*options = (struct cp_options){
		.config = {.block = 1 << 20, .depth = 16, .lanes = 4, .sync = true}};
	while ((option = next_option(argc, argv)) >= 0) {
		switch (option) {
		case 'v':
			options->config.verify = true;
			break;
		case 's':
			options->config.sync = false;
			break;
		case 'b':
			options->config.block = size_option("--block", 512, 1 << 30);
			break;
		case 'd':
			options->config.depth = (unsigned)size_option("--depth", 1, 65536);
			break;
		case 'n':
			options->config.lanes = (unsigned)size_option("--rings", 1, 1024);
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'j':
			options->json = true;
			break;
		default:
			options->recursive = true;
		}
	}
	return check_paths(argc, argv);
}

/*
 * Return the name that a source gets in a target directory, which the caller frees. "": the source
 * is a whole mount, "." or "..", and its contents are copied. NULL: out of memory.
 */
static char *name_in_target(const char *rest)
{
	size_t len = strlen(rest), start;

	while (len && rest[len - 1] == '/')
		len--;
	for (start = len; start && rest[start - 1] != '/'; start--)
		;
	rest += start;
	len -= start;
	if ((len == 1 && rest[0] == '.') || (len == 2 && !memcmp(rest, "..", 2)))
		len = 0;
	return strndup(rest, len);
}

/* Open the top of a source tree; NULL after an error has been reported. */
static struct dir *open_top(struct copy *copy, const char *path, mode_t *mode)
{
	const struct fs *fs = copy->side[FROM].fs;
	struct usrbio_stat st;
	struct usrbio_id id;
	int fd, err;

	do {
		fd = fs->open(path, O_RDONLY | O_DIRECTORY, 0);
	} while ((fd == -EMFILE || fd == -ENFILE) && copy_spare_descriptors(copy));
	err = fd < 0 ? fd : fs->fstat(fd, &st);
	if (err) {
		fail(path, err);
		if (fd >= 0)
			fs->close(fd);
		return NULL;
	}
	id = id_of(&st);
	*mode = st.mode;
	return dir_top(&copy->run->dirs, fs, path, fd, &id);
}

/*
 * Add a tree. A whole mount, "." and ".." have no name of their own, so their contents are copied.
 */
static void add_tree(struct copy *copy, const struct target *target, const char *path,
		     const char *own_name)
{
	const char *name = target->name ? target->name : *own_name ? own_name : NULL;
	mode_t mode;
	struct dir *top = open_top(copy, path, &mode);

	if (!top) {
		run_count_failure(copy->run);
		return;
	}
	if (target_is_inside(target, &top->id)) {
		fail_text("%s: cannot be copied into itself, %s", path, target->path);
		run_count_failure(copy->run);
	} else {
		walk_tree(copy, top, mode, target->dir, name);
	}
	dir_put(top);
}

static void add_file(struct copy *copy, const struct target *target, const char *path,
		     const char *own_name)
{
	const char *name = target->name ? target->name : own_name;

	if (target->dir)
		walk_add_file(copy, copy_file_new(NULL, path, target->dir, name));
	else
		copy_add(copy, copy_file_new(NULL, path, NULL, target->path));
}

/* True if the target does not exist and has to be a directory, because it ends in a slash. */
static bool wants_directory(const struct target *target)
{
	size_t len = strlen(target->path);

	return target->name && len && target->path[len - 1] == '/';
}

/* Report why a source cannot be copied, if so. 0, or EXIT_FAILED after a report. */
static int reject(const char *path, int err, const struct usrbio_stat *st,
		  const struct target *target, bool recursive)
{
	if (err)
		return fail(path, err);
	if (S_ISDIR(st->mode) && !recursive)
		return fail_text("%s: is a directory; see -r", path);
	if (S_ISDIR(st->mode) && !target->dir)
		return fail_text("%s: is not a directory, not overwritten with the directory %s",
				 target->path, path);
	if (!S_ISDIR(st->mode) && !S_ISREG(st->mode))
		return fail_text("%s: neither a file nor a directory", path);
	if (!S_ISDIR(st->mode) && wants_directory(target))
		return fail_text("%s: there is no such directory", target->path);
	return 0;
}

static void add_source(struct copy *copy, const struct cp_options *options,
		       const struct target *target, const char *path)
{
	struct endpoint source;
	struct usrbio_stat st;
	int err = copy->side[FROM].fs->stat(path, &st);
	char *name;

	if (reject(path, err, &st, target, options->recursive)) {
		run_count_failure(copy->run);
		return;
	}
	endpoint_of(path, &source);
	name = name_in_target(source.rest);
	if (!name)
		exit(fail_text("out of memory"));
	if (S_ISDIR(st.mode))
		add_tree(copy, target, path, name);
	else
		add_file(copy, target, path, name);
	free(name);
}

/*
 * If the sources are few files, limit memory and threads to what they can use. The block is larger
 * than the largest file, because the last piece reads beyond its end.
 */
static struct copy_config fit(const struct cp_options *options, const struct fs *fs, char **sources,
			      int n)
{
	struct copy_config config = options->config;
	uint64_t pieces = 0, largest = 0;
	struct usrbio_stat st;

	if (options->recursive || n > FEW)
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
			options->config.block < BLOCK_MIN ? options->config.block : BLOCK_MIN;
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
static int copy_group(const struct cp_options *options, struct run *run,
		      const struct target *target, char **sources, int n)
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
	config = fit(options, from.fs, sources, group);
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
			add_source(&copy, options, target, sources[i]);
	}
	copy_finish(&copy);
	stop_tell(NULL, NULL);
	return group;
}

static void report_json(const struct copy_totals *totals, double seconds)
{
	printf("{\"files\": %llu, \"bytes\": %llu, \"verified_bytes\": %llu, "
	       "\"failed\": %llu, \"seconds\": %.6f, \"mib_per_s\": %.1f, "
	       "\"ios\": %llu, \"iops\": %.0f, \"p99_us\": %.1f}\n",
	       (unsigned long long)totals->files, (unsigned long long)totals->bytes,
	       (unsigned long long)totals->verified, (unsigned long long)totals->failed, seconds,
	       (double)totals->bytes / (1 << 20) / seconds, (unsigned long long)totals->times.total,
	       (double)totals->times.total / seconds,
	       (double)histogram_percentile(&totals->times, 0.99) / 1e3);
}

/* Print the totals. Without copied bytes there is no rate. */
static void report_text(const struct copy_totals *totals, double seconds, bool verified)
{
	double bytes = (double)totals->bytes;
	char size[24], rate[24];

	printf("%llu file%s, %s in %.3f s", (unsigned long long)totals->files,
	       totals->files == 1 ? "" : "s", show_bytes(bytes, size), seconds);
	if (totals->bytes)
		printf(", %s/s", show_bytes(bytes / seconds, rate));
	puts(verified ? ", verified" : "");
}

static void report(const struct cp_options *options, const struct copy_totals *totals, int status,
		   uint64_t ns)
{
	double seconds = (double)ns / 1e9;

	/* If nothing was copied, the reason has been reported. */
	if (options->json)
		report_json(totals, seconds);
	else if (!options->quiet && (totals->files || !status))
		report_text(totals, seconds, options->config.verify);
}

static int copy_all(const struct cp_options *options, struct run *run, char **sources, int n)
{
	struct target target;
	int status = target_open(&target, run, sources[n], n), done = 0;

	if (target.dir && !status)
		walk_adopt(run, target.dir);
	while (!status && done < n && !stop_signal()) {
		int group = copy_group(options, run, &target, sources + done, n - done);

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

static int run(int argc, char **argv)
{
	struct progress *progress;
	struct cp_options options;
	struct run run;
	int status = parse(argc, argv, &options), err;
	uint64_t begin = now_ns();

	if (status)
		return status;
	raise_file_limit();
	err = stop_begin();
	if (err)
		return fail("cannot watch for signals", err);
	run_init(&run, &options.config);
	progress = options.quiet || options.json ? NULL : progress_start(&run.totals);
	status = copy_all(&options, &run, argv + optind, argc - optind - 1);
	progress_stop(progress);
	run_tell_missing(&run);
	if (run.totals.failed || run.stopped)
		status = EXIT_FAILED;
	report(&options, &run.totals, status, now_ns() - begin);
	run_destroy(&run);
	return stop_signal() ? 128 + stop_signal() : status;
}

const struct command cmd_cp = {
	.name = "cp",
	.summary = "copy files to, from and between mounts",
	.help = help,
	.run = run,
	.letters = "rRqh",
	.options = option_table,
};
