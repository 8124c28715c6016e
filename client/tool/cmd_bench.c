/* usrbio bench: options, the file, and the figures. bench_lane.c makes the load. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <hf3fs_usrbio.h>
#include <usrbio.h>

#include "client/tool/bench.h"
#include "client/tool/fs.h"
#include "client/tool/tool.h"

static const char help[] =
	"usage: usrbio bench [OPTIONS] PATH\n\n"
	"Read or write a file of a mount as fast as it goes, and print rates and latencies.\n"
	"Writing destroys what is in the file.\n\n"
	"  --read, --write         default --read\n"
	"  --random, --sequential  default --random\n"
	"  --block-size BYTES      default 4k\n"
	"  --depth N               I/Os under way per ring, default 32\n"
	"  --rings N               rings per thread, default 1\n"
	"  --threads N             default 1\n"
	"  --per-io WHAT           make anew for each I/O, and end after it: ring, iov (and a\n"
	"                          ring), wrap (of memory we own), open (and register the file)\n"
	"  --time SECONDS          default 5\n"
	"  --size BYTES            of the file to use; default its size, or 256M with --create\n"
	"  --create                make and fill the file first\n"
	"  --json                  the figures as JSON\n";

#define CREATE_SIZE ((uint64_t)256 << 20)
#define FILL_BLOCK  ((uint64_t)1 << 20)

struct options {
	struct bench_config config;
	unsigned threads;
	uint64_t seconds, size;
	bool create, json;
	const char *path;
};

struct figures {
	struct histogram times;
	struct usrbio_counters counters;
	double seconds, cpu_us;
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
	exit(usage("--per-io: '%s' is none of ring, iov, wrap, open", optarg));
}

static void set(struct options *options, int option)
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
	case 't':
		options->seconds = size_option("--time", 1, 86400);
		break;
	case 'z':
		options->size = size_option("--size", 1, INT64_MAX);
		break;
	case 'c':
		options->create = true;
		break;
	default:
		options->json = true;
	}
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{"read", no_argument, NULL, 'r'},
		{"write", no_argument, NULL, 'w'},
		{"random", no_argument, NULL, 'x'},
		{"sequential", no_argument, NULL, 's'},
		{"block-size", required_argument, NULL, 'b'},
		{"depth", required_argument, NULL, 'd'},
		{"rings", required_argument, NULL, 'n'},
		{"threads", required_argument, NULL, 'p'},
		{"per-io", required_argument, NULL, 'o'},
		{"time", required_argument, NULL, 't'},
		{"size", required_argument, NULL, 'z'},
		{"create", no_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	*options = (struct options){
		.config = {.random = true, .block = 4096, .depth = 32, .rings = 1},
		.threads = 1,
		.seconds = 5,
	};
	while ((option = next_option(argc, argv, "h", table)) >= 0)
		set(options, option);
	if (argc - optind != 1)
		return usage("one path is needed");
	options->path = argv[optind];
	return 0;
}

static double cpu_us(void)
{
	struct rusage usage_now;

	getrusage(RUSAGE_SELF, &usage_now);
	return (double)(usage_now.ru_utime.tv_sec + usage_now.ru_stime.tv_sec) * 1e6 +
	       (double)(usage_now.ru_utime.tv_usec + usage_now.ru_stime.tv_usec);
}

static uint64_t messages(const struct usrbio_counters *counters)
{
	return counters->msgs_sent + counters->msgs_received + counters->imms_received;
}

/* Run the threads to their end. 0, or the first error of one. */
static int run_threads(const struct bench_config *config, unsigned n, struct histogram *times)
{
	struct bench_run shared = {.config = config};
	struct bench_lane *lanes = calloc(n, sizeof(*lanes));
	unsigned started;
	int err = lanes ? 0 : -ENOMEM;

	for (started = 0; !err && started < n; started += !err) {
		lanes[started].run = &shared;
		lanes[started].random = 88172645463325252ull + started * 0x9e3779b97f4a7c15ull;
		err = -pthread_create(&lanes[started].thread, NULL, bench_lane_run,
				      &lanes[started]);
	}
	for (unsigned i = 0; i < started; i++) {
		pthread_join(lanes[i].thread, NULL);
		err = err ? err : lanes[i].err;
		histogram_merge(times, &lanes[i].times);
	}
	free(lanes);
	return err;
}

/* Write every byte of the file once: what was never written would be read as a hole. */
static int fill_file(const struct options *options)
{
	static struct histogram times;
	struct bench_config config = options->config;
	uint64_t whole = options->size / FILL_BLOCK;
	int err;

	config.write = true;
	config.random = false;
	config.own = OWN_NOTHING;
	config.rings = 1;
	config.depth = 16;
	config.end_ns = UINT64_MAX;
	config.block = whole ? FILL_BLOCK : options->size;
	config.nr_blocks = config.limit = whole ? whole : 1;
	err = run_threads(&config, 1, &times);
	if (!err && whole)
		err = usrbio_ftruncate(config.fd, options->size);
	return err;
}

static void subtract(struct usrbio_counters *counters, const struct usrbio_counters *before)
{
	counters->ios -= before->ios;
	counters->msgs_sent -= before->msgs_sent;
	counters->msgs_received -= before->msgs_received;
	counters->imms_received -= before->imms_received;
	counters->doorbells -= before->doorbells;
	counters->polls -= before->polls;
	counters->sleeps -= before->sleeps;
	counters->batches -= before->batches;
	counters->completions -= before->completions;
	counters->msg_bytes -= before->msg_bytes;
}

static int measure(const struct options *options, struct figures *figures)
{
	struct bench_config config = options->config;
	struct usrbio_counters before;
	uint64_t begin, ping;
	double cpu;
	int err = usrbio_ping(config.mount_point, &ping); /* connect now */

	if (!err)
		err = usrbio_counters(config.mount_point, &before);
	if (err)
		return err;
	if (config.own == OWN_RING || config.own == OWN_IOV) {
		config.rings *= config.depth;
		config.depth = 1;
	}
	cpu = cpu_us();
	begin = now_ns();
	config.end_ns = begin + options->seconds * 1000000000u;
	err = run_threads(&config, options->threads, &figures->times);
	figures->seconds = (double)(now_ns() - begin) / 1e9;
	figures->cpu_us = cpu_us() - cpu;
	if (!err)
		err = usrbio_counters(config.mount_point, &figures->counters);
	subtract(&figures->counters, &before);
	return err;
}

static double us(const struct histogram *times, double fraction)
{
	return (double)histogram_percentile(times, fraction) / 1e3;
}

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

static void report(const struct options *options, const struct figures *figures)
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
		options->json ? "{\"op\": \"%s\", \"order\": \"%s\", \"block_size\": %" PRIu64
				", \"depth\": %u, \"rings\": %u, \"threads\": %u, "
				"\"per_io\": \"%s\", \"seconds\": %.3f, "
				"\"ios\": %" PRIu64 ", \"iops\": %.1f, \"gib_per_s\": %.4f, "
				"\"mean_us\": %.2f, \"p50_us\": %.2f, \"p99_us\": %.2f, "
				"\"p999_us\": %.2f, \"max_us\": %.2f, \"cpu_us_per_io\": %.3f, "
				"\"messages_per_io\": %.3f, \"doorbells_per_io\": %.3f, "
				"\"sleeps_per_io\": %.3f, \"polls_per_io\": %.3f, "
				"\"message_bytes_per_io\": %.1f, \"entries_per_batch\": %.2f, "
				"\"results_per_completion\": %.2f}\n"
			      : "%s %s, blocks of %" PRIu64 ", depth %u, %u rings in each of %u "
				"threads; anew for each I/O: %s\n"
				"%.3f s, %" PRIu64 " I/Os: %.0f IOPS, %.3f GiB/s\n"
				"latency us: mean %.1f, p50 %.1f, p99 %.1f, p99.9 %.1f, max %.1f\n"
				"per I/O: %.2f us of CPU here, %.3f messages, %.3f doorbells, "
				"%.3f sleeps, %.3f polls, %.1f bytes of messages\n"
				"per message: %.2f I/Os to the server, %.2f results back\n";

	printf(text, what, order, config->block, config->depth, config->rings, options->threads,
	       own_names[config->own], figures->seconds, times->total, iops, gib,
	       (double)times->sum / n / 1e3, us(times, 0.5), us(times, 0.99), us(times, 0.999),
	       (double)times->max / 1e3, figures->cpu_us / n, (double)messages(c) / n,
	       (double)c->doorbells / n, (double)c->sleeps / n, (double)c->polls / n,
	       (double)c->msg_bytes / n, ratio(c->ios, c->batches),
	       ratio(c->ios - c->imms_received, c->completions));
}

/* With the file open and registered. */
static int bench(struct options *options)
{
	static struct figures figures;
	struct usrbio_stat st;
	int err;

	if (options->create && !options->size)
		options->size = CREATE_SIZE;
	err = options->create ? fill_file(options) : usrbio_fstat(options->config.fd, &st);
	if (err)
		return fail(options->path, err);
	if (!options->create &&
	    (!options->size || (!options->config.write && st.size < options->size)))
		options->size = st.size;
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
	struct options options;
	int status = parse(argc, argv, &options), fd, err;
	int flags;

	if (status)
		return status;
	if (!endpoint_on_mount(options.path, &endpoint))
		return EXIT_FAILED;
	flags = options.create ? O_RDWR | O_CREAT : options.config.write ? O_WRONLY : O_RDONLY;
	fd = usrbio_open(options.path, flags, 0644);
	if (fd < 0)
		return fail(options.path, fd);
	options.config.mount_point = endpoint.mount_point;
	options.config.path = options.path;
	options.config.fd = fd;
	err = hf3fs_reg_fd(fd, 0);
	status = err > 0 ? fail(options.path, -err) : bench(&options);
	hf3fs_dereg_fd(fd);
	usrbio_close(fd);
	return status;
}

const struct command cmd_bench = {"bench", "measure reads and writes of a file", help, run};
