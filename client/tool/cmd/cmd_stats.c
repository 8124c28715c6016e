/* usrbio stats: prints the counters of a mount's server. No state; the main thread. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <usrbio.h>

#include "client/tool/fs/fs.h"
#include "client/tool/base/show.h"
#include "client/tool/base/tool.h"
#include "common/base/text.h"

static const char help[] =
	"usage: usrbio stats [--json] PATH\n\n"
	"Print what the server of a mount has counted since it started: a block for each of its\n"
	"workers, and after it one for each connection that this worker serves. Each is followed\n"
	"by its limits, and how much of them is in use; last come what each id of a key has,\n"
	"the calls at the export of the path, and the limits of the server.\n\n"
	"  --json  as JSON: a list with an object for each of them\n";

static const struct option option_table[] = {
	{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};

/* Return the value of a counter by its name; 0 if the row has none. */
static uint64_t value(const struct usrbio_server_counters *row, const char *name)
{
	for (size_t i = 0; i < row->nr; i++)
		if (!strcmp(row->names[i], name))
			return row->values[i];
	return 0;
}

/* Print the ratio of a counter to n, unless one of them is 0. */
static void per(const struct usrbio_server_counters *row, const char *what, const char *name,
		uint64_t n)
{
	if (n && value(row, name))
		printf("  %-24s %15.3f\n", what, (double)value(row, name) / (double)n);
}

/*
 * Print a name. It comes from the server, and for a connection it is the address of another client.
 */
static void print_name(const char *name)
{
	size_t len = strlen(name);

	fputs("  ", stdout);
	show_name(name);
	printf("%*s ", len < 24 ? (int)(24 - len) : 0, "");
}

static bool is_limits(const struct usrbio_server_counters *row)
{
	return !strcmp(row->kind, "limits");
}

/* Print the limits, in pairs: the amount in use, and the maximum. 0: there is no such limit. */
static void print_limits(const struct usrbio_server_counters *row)
{
	for (size_t i = 0; i + 1 < row->nr; i += 2)
		if (row->values[i + 1]) {
			print_name(row->names[i]);
			printf("%15" PRIu64 " of %" PRIu64 "\n", row->values[i],
			       row->values[i + 1]);
		}
}

/* Print a row as text, without the values that are 0. */
static void print_text(void *arg, const struct usrbio_server_counters *row)
{
	uint64_t ios = value(row, "reads") + value(row, "writes");

	(void)arg;
	show_name(row->kind);
	putchar(' ');
	show_name(row->name);
	putchar('\n');
	if (is_limits(row)) {
		print_limits(row);
		return;
	}
	for (size_t i = 0; i < row->nr; i++)
		if (row->values[i]) {
			print_name(row->names[i]);
			printf("%15" PRIu64 "\n", row->values[i]);
		}
	per(row, "entries per batch", "entries", value(row, "batches"));
	per(row, "results per completion", "results", value(row, "completions"));
	per(row, "messages in per I/O", "messages_in", ios);
	per(row, "messages out per I/O", "messages_out", ios);
	per(row, "posts per I/O", "posts", ios);
	per(row, "doorbells per I/O", "doorbells", ios);
	per(row, "signalled per I/O", "signalled", ios);
	per(row, "polls per I/O", "polls", ios);
	per(row, "sleeps per I/O", "sleeps", ios);
}

static void print_json(void *arg, const struct usrbio_server_counters *row)
{
	bool *first = arg;

	fputs(*first ? "[{" : ",\n {", stdout);
	*first = false;
	text_json(stdout, row->kind);
	fputs(": ", stdout);
	text_json(stdout, row->name);
	for (size_t i = 0; i < row->nr; i++)
		if (!is_limits(row) || ((i | 1) < row->nr && row->values[i | 1])) {
			fputs(", ", stdout);
			text_json(stdout, row->names[i]);
			printf(": %" PRIu64, row->values[i]);
		}
	putchar('}');
}

static int run(int argc, char **argv)
{
	bool json = false, first = true;
	struct endpoint endpoint;
	int err;

	while (next_option(argc, argv) >= 0)
		json = true;
	if (argc - optind != 1)
		return usage("one path is needed");
	if (!endpoint_on_mount(argv[optind], &endpoint))
		return EXIT_FAILED;
	err = usrbio_server_counters(endpoint.mount_point, json ? print_json : print_text, &first);
	if (json)
		puts(first ? "[]" : "]");
	return err ? fail(argv[optind], err) : EXIT_FINE;
}

const struct command cmd_stats = {
	.name = "stats",
	.summary = "print what a server has counted",
	.help = help,
	.run = run,
	.letters = "h",
	.options = option_table,
};
