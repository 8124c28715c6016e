/* usrbio cp: what the arguments mean; copy.c does it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/copy.h"
#include "client/tool/progress.h"
#include "client/tool/tool.h"
#include "client/tool/walk.h"

struct options {
	bool recursive, quiet, json;
	struct copy_config config;
};

struct target {
	struct endpoint endpoint;
	const char *path;
	bool is_dir;
};

static const char help[] =
	"usage: usrbio cp [-r] [OPTIONS] SOURCE... TARGET\n\n"
	"Copy files to, from and between mounts, many blocks and many files at a time.\n"
	"With several sources, or an existing directory as TARGET, copies go into it.\n\n"
	"  -r, --recursive   copy directories and what is in them\n"
	"  --verify          read source and target again and compare\n"
	"  --block BYTES     bytes per I/O, default 1M\n"
	"  --depth N         I/Os under way per ring, default 16\n"
	"  --rings N         rings, each with a thread of its own, default 4\n"
	"  -q, --quiet       no progress, no summary\n"
	"  --json            the summary as JSON\n";

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{"recursive", no_argument, NULL, 'r'},
		{"verify", no_argument, NULL, 'v'},
		{"block", required_argument, NULL, 'b'},
		{"depth", required_argument, NULL, 'd'},
		{"rings", required_argument, NULL, 'n'},
		{"quiet", no_argument, NULL, 'q'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	*options = (struct options){.config = {.block = 1 << 20, .depth = 16, .lanes = 4}};
	while ((option = next_option(argc, argv, "rRqh", table)) >= 0) {
		switch (option) {
		case 'v':
			options->config.verify = true;
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
	return argc - optind < 2 ? usage("a source and a target are needed") : 0;
}

static int open_target(const char *path, int nr_sources, struct target *target)
{
	struct usrbio_stat st;
	size_t len = strlen(path);
	int err = endpoint_of(path, &target->endpoint);

	if (err)
		return fail(path, err);
	target->path = path;
	err = target->endpoint.fs->stat(path, &st);
	if (err && err != -ENOENT)
		return fail(path, err);
	target->is_dir = !err && S_ISDIR(st.mode);
	if (!target->is_dir && (nr_sources > 1 || (!err && len && path[len - 1] == '/')))
		return fail(path, -ENOTDIR);
	return 0;
}

/* The name a source gets in a directory; "" for a whole mount, or "..": its contents. */
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

static char *path_in_target(const struct target *target, const char *rest)
{
	char *name = name_in_target(rest), *path;

	if (!name)
		exit(fail_text("out of memory"));
	path = target->is_dir && *name ? join_path(target->path, name) : strdup(target->path);
	free(name);
	if (!path)
		exit(fail_text("out of memory"));
	return path;
}

/* Is `to`, yet to be made, inside the directory `from`? A copy of it would have no end. */
static bool is_inside(const struct copy *copy, const char *from, const struct target *target)
{
	char a[PATH_MAX], b[PATH_MAX];
	const char *below = target->endpoint.rest;
	struct endpoint source;
	size_t len;

	if (!endpoint_same(&copy->side[FROM], &copy->side[TO]) || endpoint_of(from, &source))
		return false;
	if (!copy->side[FROM].fs->rings) {
		if (!realpath(from, a) || !realpath(target->path, b))
			return false;
		source.rest = a;
		below = b;
	}
	len = strlen(source.rest);
	while (len && source.rest[len - 1] == '/')
		len--;
	return !strncmp(source.rest, below, len) && (!len || below[len] == '/' || !below[len]);
}

static void add_source(struct copy *copy, const struct options *options,
		       const struct target *target, const char *path)
{
	const struct fs *fs = copy->side[FROM].fs;
	struct endpoint source;
	struct usrbio_stat st;
	int err = fs->stat(path, &st);
	char *to;

	if (err || (S_ISDIR(st.mode) && !options->recursive)) {
		if (err)
			fail(path, err);
		else
			fail_text("%s: is a directory; see -r", path);
		atomic_fetch_add(&copy->totals->failed, 1);
		return;
	}
	endpoint_of(path, &source);
	to = path_in_target(target, source.rest);
	if (!S_ISDIR(st.mode)) {
		copy_add(copy, strdup(path), to);
		return;
	}
	if (is_inside(copy, path, target)) {
		fail_text("%s: cannot be copied into itself", path);
		atomic_fetch_add(&copy->totals->failed, 1);
	} else {
		walk_tree(copy, path, to, st.mode);
	}
	free(to);
}

/* Do not make more memory and threads than the sources, when they are files, can use. */
static struct copy_config fit(const struct options *options, const struct fs *fs, char **sources,
			      int n)
{
	struct copy_config config = options->config;
	uint64_t pieces = 0, largest = 1;
	struct usrbio_stat st;

	if (options->recursive)
		return config;
	for (int i = 0; i < n; i++) {
		if (fs->stat(sources[i], &st))
			continue;
		largest = st.size > largest ? st.size : largest;
		pieces += st.size / config.block + 1;
	}
	if (largest < config.block)
		config.block = largest;
	if (config.lanes > pieces)
		config.lanes = pieces ? (unsigned)pieces : 1;
	if (config.depth > (pieces + config.lanes - 1) / config.lanes)
		config.depth = (unsigned)((pieces + config.lanes - 1) / config.lanes);
	config.depth += !config.depth;
	return config;
}

/* Copy the sources at the front that lie on one mount; how many, or -1 when that cannot begin. */
static int copy_group(const struct options *options, const struct target *target, char **sources,
		      int n, struct copy_totals *totals)
{
	struct endpoint from, next;
	struct copy_config config;
	struct copy copy;
	int group = 1, err = endpoint_of(sources[0], &from);

	if (err) {
		fail(sources[0], err);
		return -1;
	}
	while (group < n && !endpoint_of(sources[group], &next) && endpoint_same(&from, &next))
		group++;
	config = fit(options, from.fs, sources, group);
	err = copy_start(&copy, &config, &from, &target->endpoint, totals);
	if (err) {
		fail("cannot copy", err);
		return -1;
	}
	for (int i = 0; i < group; i++)
		add_source(&copy, options, target, sources[i]);
	copy_finish(&copy);
	return group;
}

static void report(const struct options *options, const struct copy_totals *totals, uint64_t ns)
{
	double seconds = (double)ns / 1e9, mib = (double)totals->bytes / (1 << 20);

	if (options->json)
		printf("{\"files\": %llu, \"bytes\": %llu, \"verified_bytes\": %llu, "
		       "\"failed\": %llu, \"seconds\": %.6f, \"mib_per_s\": %.1f, "
		       "\"ios\": %llu, \"iops\": %.0f, \"p99_us\": %.1f}\n",
		       (unsigned long long)totals->files, (unsigned long long)totals->bytes,
		       (unsigned long long)totals->verified, (unsigned long long)totals->failed,
		       seconds, mib / seconds, (unsigned long long)totals->times.total,
		       (double)totals->times.total / seconds,
		       (double)histogram_percentile(&totals->times, 0.99) / 1e3);
	else if (!options->quiet)
		printf("%llu files, %.1f MiB in %.3f s, %.1f MiB/s%s\n",
		       (unsigned long long)totals->files, mib, seconds, mib / seconds,
		       options->config.verify ? ", verified" : "");
}

static int run(int argc, char **argv)
{
	struct copy_totals totals = {0};
	struct progress *progress;
	struct options options;
	struct target target;
	int status = parse(argc, argv, &options), n = argc - optind - 1, done = 0;
	uint64_t begin = now_ns();

	if (!status)
		status = open_target(argv[argc - 1], n, &target);
	if (status)
		return status;
	raise_file_limit();
	progress = options.quiet || options.json ? NULL : progress_start(&totals);
	while (n && done >= 0) {
		done = copy_group(&options, &target, argv + optind, n, &totals);
		optind += done;
		n -= done;
	}
	progress_stop(progress);
	report(&options, &totals, now_ns() - begin);
	return done < 0 || totals.failed ? EXIT_FAILED : EXIT_FINE;
}

const struct command cmd_cp = {"cp", "copy files to, from and between mounts", help, run};
