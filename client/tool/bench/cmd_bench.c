/*
 * usrbio bench: parses options and reports figures; bench_run.c makes the load. The main thread
 * owns everything here.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hf3fs_usrbio.h>
#include <usrbio.h>

#include "client/tool/bench/bench.h"
#include "client/tool/fs/fs.h"
#include "client/tool/base/tool.h"

static const char help[] =
	"usage: usrbio bench [OPTIONS] PATH\n\n"
	"Read or write files of a mount as fast as possible, and print rates and latencies.\n"
	"--write overwrites the contents of the files.\n\n"
	"  --read, --write         default --read\n"
	"  --random, --sequential  default --random\n"
	"  --block-size BYTES      default 4k\n"
	"  --depth N               I/Os under way per ring, default 32\n"
	"  --rings N               rings per thread, default 1\n"
	"  --threads N             default 1\n"
	"  --per-io WHAT           create and destroy for each I/O: ring, iov (and a ring), wrap\n"
	"                          (of memory that exists), open (and register the file), nothing\n"
	"  --iov-size BYTES        size of each iov of --per-io iov, default a block\n"
	"  --files N               use N files, PATH.0 and so on, instead of PATH\n"
	"  --time SECONDS          default 5; 0: one I/O for each slot of the rings\n"
	"  --size BYTES            bytes of each file; default its size, or 256M with --create\n"
	"  --create                make and fill the files first; they must not exist\n"
	"  --force                 with --create: overwrite files that exist\n"
	"  --json                  print the results as JSON\n";

static const struct option option_table[] = {
	{"read", no_argument, NULL, 'r'},
	{"write", no_argument, NULL, 'w'},
	{"random", no_argument, NULL, 'x'},
	{"sequential", no_argument, NULL, 's'},
	{"block-size", required_argument, NULL, 'b'},
	{"depth", required_argument, NULL, 'd'},
	{"rings", required_argument, NULL, 'n'},
	{"threads", required_argument, NULL, 'p'},
	{"per-io", required_argument, NULL, 'o'},
	{"iov-size", required_argument, NULL, 'i'},
	{"files", required_argument, NULL, 'f'},
	{"time", required_argument, NULL, 't'},
	{"size", required_argument, NULL, 'z'},
	{"create", no_argument, NULL, 'c'},
	{"force", no_argument, NULL, 'F'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

#define CREATE_SIZE ((uint64_t)256 << 20) /* bytes, like FILL_BLOCK */
#define FILL_BLOCK  ((uint64_t)1 << 20)

struct bench_options {
	struct bench_config config;
	unsigned threads, numbered; /* numbered: files PATH.0 and so on; 0: PATH itself */
	uint64_t seconds, size;
	bool create, force, json;
	const char *path;
};

static const char *const own_names[] = {
	[OWN_NOTHING] = "nothing", [OWN_RING] = "ring", [OWN_IOV] = "iov",
	[OWN_WRAP] = "wrap",	   [OWN_FILE] = "open",
};

static enum bench_own own_option(void)
{
	for (enum bench_own own = OWN_NOTHING; own <= OWN_FILE; own++) {
		if (!strcmp(optarg, own_names[own]))
			return own;
	}
	exit(usage("--per-io: '%s' is not one of ring, iov, wrap, open, nothing", optarg));
}

static void set(struct bench_options *options, int option)
{
	struct bench_config *config = &options->config;

	switch (option) {
	case 'r':
	case 'w':
		config->write = option == 'w';
		break;
	case 'x':
	case 's':
		config->random = option == 'x';
		break;
	case 'b':
		config->block = size_option("--block-size", 1, 1 << 30);
		break;
	case 'd':
		config->depth = (unsigned)size_option("--depth", 1, 131072);
		break;
	case 'n':
		config->rings = (unsigned)size_option("--rings", 1, 1024);
		break;
	case 'p':
		options->threads = (unsigned)size_option("--threads", 1, 1024);
		break;
	case 'o':
		config->own = own_option();
		break;
	case 'i':
		config->iov_size = size_option("--iov-size", 1, (uint64_t)1 << 40);
		break;
	case 'f':
		options->numbered = (unsigned)size_option("--files", 1, 60000);
		break;
	case 't':
		options->seconds = size_option("--time", 0, 86400);
		break;
	case 'z':
		options->size = size_option("--size", 1, INT64_MAX);
		break;
	case 'c':
		options->create = true;
		break;
	case 'F':
		options->force = true;
		break;
	default:
		options->json = true;
	}
}

static int parse(int argc, char **argv, struct bench_options *options)
{
	int option;

	*options = (struct bench_options){
		.config = {.random = true, .block = 4096, .depth = 32, .rings = 1},
		.threads = 1,
		.seconds = 5,
	};
	while ((option = next_option(argc, argv)) >= 0)
		set(options, option);
	if (argc - optind != 1)
		return usage("one path is needed");
	options->path = argv[optind];
	if (options->config.iov_size < options->config.block)
		options->config.iov_size = options->config.block;
	return 0;
}

static uint64_t messages(const struct usrbio_counters *counters)
{
	return counters->msgs_sent + counters->msgs_received + counters->imms_received;
}

/* Write all bytes of the files, so that reads do not find holes. 0 or -errno. */
static int fill_files(const struct bench_options *options)
{
	static struct bench_figures figures;
	struct bench_config config = options->config;
	uint64_t whole = options->size / FILL_BLOCK;
	int err;

	config.write = true;
	config.random = false;
	config.own = OWN_NOTHING;
	config.rings = 1;
	config.depth = 16;
	config.block = whole ? FILL_BLOCK : options->size;
	config.nr_blocks = whole ? whole : 1;
	config.limit = config.nr_blocks * config.nr_files;
	err = bench_run(&config, 1, INT64_MAX, &figures);
	if (!err && whole)
		err = bench_files_truncate(&config, options->size);
	return err;
}

static int measure(const struct bench_options *options, struct bench_figures *figures)
{
	struct bench_config config = options->config;

	if (config.own == OWN_RING || config.own == OWN_IOV) {
		config.rings *= config.depth;
		config.depth = 1;
	}
	return bench_run(&config, options->threads, options->seconds * 1000000000u, figures);
}

static double us(const struct histogram *times, double fraction)
{
	return (double)histogram_percentile(times, fraction) / 1e3;
}

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

static void report(const struct bench_options *options, const struct bench_figures *figures)
{
	const struct bench_config *config = &options->config;
	const struct usrbio_counters *c = &figures->counters;
	const struct histogram *times = &figures->times;
	double n = times->total ? (double)times->total : 1;
	double iops = (double)times->total / figures->seconds;
	double gib = iops * (double)config->block / (1 << 30);
	const char *what = config->write ? "write" : "read";
	const char *order = config->random ? "random" : "sequential";
	const char *text =
		options->json ? "\"op\": \"%s\", \"order\": \"%s\", \"block_size\": %" PRIu64
				", \"depth\": %u, \"rings\": %u, \"threads\": %u, "
				"\"files\": %u, \"per_io\": \"%s\", \"seconds\": %.3f, "
				"\"ios\": %" PRIu64 ", \"iops\": %.1f, \"gib_per_s\": %.4f, "
				"\"mean_us\": %.2f, \"p50_us\": %.2f, \"p99_us\": %.2f, "
				"\"p999_us\": %.2f, \"max_us\": %.2f, \"cpu_us_per_io\": %.3f, "
				"\"messages_per_io\": %.3f, \"doorbells_per_io\": %.3f, "
				"\"sleeps_per_io\": %.3f, \"polls_per_io\": %.3f, "
				"\"message_bytes_per_io\": %.1f, \"entries_per_batch\": %.2f, "
				"\"results_per_completion\": %.2f}\n"
			      : "%s %s, blocks of %" PRIu64 " bytes; depth: %u, rings per thread: "
				"%u, threads: %u, files: %u, created for each I/O: %s\n"
				"%.3f s, %" PRIu64 " I/Os: %.0f IOPS, %.3f GiB/s\n"
				"latency us: mean %.1f, p50 %.1f, p99 %.1f, p99.9 %.1f, max %.1f\n"
				"per I/O: %.2f us of client CPU, %.3f messages, %.3f doorbells, "
				"%.3f sleeps, %.3f polls, %.1f bytes of messages\n"
				"per message: %.2f I/Os to the server, %.2f results back\n";

	if (options->json)
		printf("{\"begin_s\": %.6f, ", figures->begin_s);
	printf(text, what, order, config->block, config->depth, config->rings, options->threads,
	       config->nr_files, own_names[config->own], figures->seconds, times->total, iops, gib,
	       (double)times->sum / n / 1e3, us(times, 0.5), us(times, 0.99), us(times, 0.999),
	       (double)times->max / 1e3, figures->cpu_us / n, (double)messages(c) / n,
	       (double)c->doorbells / n, (double)c->sleeps / n, (double)c->polls / n,
	       (double)c->msg_bytes / n, ratio(c->ios, c->batches),
	       ratio(c->ios - c->imms_received, c->completions));
}

/* Run the benchmark on files that are open and registered. Returns the exit status. */
static int bench(struct bench_options *options)
{
	static struct bench_figures figures;
	uint64_t there;
	int err;

	if (options->create && !options->size)
		options->size = CREATE_SIZE;
	err = options->create ? fill_files(options) : bench_files_size(&options->config, &there);
	if (err)
		return fail(options->path, err);
	if (!options->create &&
	    (!options->size || (!options->config.write && there < options->size)))
		options->size = there;
	options->config.nr_blocks = options->size / options->config.block;
	if (!options->config.nr_blocks)
		return fail_text("%s: shorter than one block; see --create", options->path);
	err = measure(options, &figures);
	if (err)
		return fail(options->path, err);
	report(options, &figures);
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	struct endpoint endpoint;
	struct bench_options options;
	int status = parse(argc, argv, &options), flags, err;

	if (status)
		return status;
	if (!endpoint_on_mount(options.path, &endpoint))
		return EXIT_FAILED;
	flags = options.config.write ? O_WRONLY : O_RDONLY;
	if (options.create)
		flags = O_RDWR | O_CREAT | (options.force ? 0 : O_EXCL);
	raise_file_limit();
	err = bench_files_open(&options.config, options.path, options.numbered, flags);
	if (err)
		return EXIT_FAILED;
	options.config.mount_point = endpoint.mount_point;
	status = bench(&options);
	bench_files_close(&options.config);
	return status;
}

const struct command cmd_bench = {
	.name = "bench",
	.summary = "measure reads and writes of files",
	.help = help,
	.run = run,
	.letters = "h",
	.options = option_table,
};
