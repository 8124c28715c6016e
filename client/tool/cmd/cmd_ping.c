/* usrbio ping: measures the time of an empty exchange with a server. No state; the main thread. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "client/tool/fs/fs.h"
#include "client/tool/base/histogram.h"
#include "client/tool/base/show.h"
#include "client/tool/base/tool.h"

static const char help[] =
	"usage: usrbio ping [-c N] [-i MILLISECONDS] PATH\n\n"
	"Exchange empty messages with the server of a mount and print percentiles.\n\n"
	"  -c, --count N      exchanges, default 5\n"
	"  -i, --interval MS  pause between them, default 0\n"
	"  -q, --quiet        the summary only\n"
	"  --json             only the summary, as JSON\n";

static const struct option option_table[] = {
	{"count", required_argument, NULL, 'c'}, {"interval", required_argument, NULL, 'i'},
	{"quiet", no_argument, NULL, 'q'},	 {"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},	 {0}};

static void pause_ms(uint64_t ms)
{
	struct timespec ts = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	if (ms)
		nanosleep(&ts, NULL);
}

static void summarise(const struct histogram *times, uint64_t count)
{
	printf("%" PRIu64 " of %" PRIu64 " answered", times->total, count);
	if (times->total)
		printf("; us: p50 %.1f, p99 %.1f, max %.1f, mean %.1f",
		       (double)histogram_percentile(times, 0.5) / 1e3,
		       (double)histogram_percentile(times, 0.99) / 1e3, (double)times->max / 1e3,
		       (double)times->sum / (double)times->total / 1e3);
	putchar('\n');
}

/* Without an answer, there are no times. */
static void summarise_json(const char *mount_point, const struct histogram *times, uint64_t count)
{
	putchar('{');
	show_json("mount", mount_point);
	printf(", \"sent\": %" PRIu64 ", \"answered\": %" PRIu64, count, times->total);
	if (times->total)
		printf(", \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, \"mean_us\": %.1f",
		       (double)histogram_percentile(times, 0.5) / 1e3,
		       (double)histogram_percentile(times, 0.99) / 1e3, (double)times->max / 1e3,
		       (double)times->sum / (double)times->total / 1e3);
	puts("}");
}

static void print_one(const char *mount_point, uint64_t ns)
{
	show_name(mount_point);
	printf(": %.1f us\n", (double)ns / 1e3);
}

/*
 * Ping repeatedly. The same error is reported once only, until a ping succeeds or fails otherwise.
 */
static int ping(const char *mount_point, uint64_t count, uint64_t interval_ms, bool quiet,
		bool json)
{
	static struct histogram times;
	int said = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t ns;
		int err = usrbio_ping(mount_point, &ns);

		if (err) {
			if (err != said)
				fail(mount_point, err);
		} else {
			histogram_add(&times, ns);
			if (!quiet && !json)
				print_one(mount_point, ns);
		}
		said = err;
		if (i + 1 < count)
			pause_ms(interval_ms);
	}
	if (json)
		summarise_json(mount_point, &times, count);
	else
		summarise(&times, count);
	return times.total == count ? EXIT_FINE : EXIT_FAILED;
}

static int run(int argc, char **argv)
{
	uint64_t count = 5, interval_ms = 0;
	struct endpoint endpoint;
	bool quiet = false, json = false;
	int option;

	while ((option = next_option(argc, argv)) >= 0) {
		if (option == 'c')
			count = size_option("--count", 1, UINT32_MAX);
		else if (option == 'i')
			interval_ms = size_option("--interval", 0, 86400000);
		else if (option == 'j')
			json = true;
		else
			quiet = true;
	}
	if (argc - optind != 1)
		return usage("one path is needed");
	if (!endpoint_on_mount(argv[optind], &endpoint))
		return EXIT_FAILED;
	return ping(endpoint.mount_point, count, interval_ms, quiet, json);
}

const struct command cmd_ping = {
	.name = "ping",
	.summary = "measure the round trip to a server",
	.help = help,
	.run = run,
	.letters = "c:i:qh",
	.options = option_table,
};
