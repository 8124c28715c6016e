/* usrbio df: prints the space of the file systems of mounts. No state; the main thread. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "client/tool/base/show.h"
#include "client/tool/base/tool.h"
#include "client/tool/fs/fs.h"

static const char help[] =
	"usage: usrbio df [-b] [--json] PATH...\n\n"
	"Print the size of the server's file system that each PATH is in, what of it is in use, and\n"
	"what users without privileges may still fill.\n\n"
	"  -b, --bytes  exact numbers of bytes\n"
	"  --json       a JSON list with an object for each PATH\n";

static const struct option option_table[] = {{"bytes", no_argument, NULL, 'b'},
					     {"json", no_argument, NULL, 'j'},
					     {"help", no_argument, NULL, 'h'},
					     {0}};

struct df {
	bool bytes, json;
	bool first; /* nothing has been printed */
};

static void print_json(const struct df *df, const char *path, const struct statvfs *st)
{
	uint64_t unit = st->f_frsize;

	fputs(df->first ? "[{" : ",\n {", stdout);
	show_json("path", path);
	printf(", \"size\": %" PRIu64 ", \"used\": %" PRIu64 ", \"available\": %" PRIu64
	       ", \"inodes\": %" PRIu64 ", \"inodes_free\": %" PRIu64 ", \"read_only\": %s}",
	       unit * st->f_blocks, unit * (st->f_blocks - st->f_bfree), unit * st->f_bavail,
	       (uint64_t)st->f_files, (uint64_t)st->f_ffree,
	       st->f_flag & ST_RDONLY ? "true" : "false");
}

static void print_number(const struct df *df, uint64_t bytes)
{
	char text[24];

	if (df->bytes)
		printf("%16" PRIu64 " ", bytes);
	else
		printf("%16s ", show_bytes((double)bytes, text));
}

static void print(const struct df *df, const char *path, const struct statvfs *st)
{
	uint64_t unit = st->f_frsize;

	if (df->first)
		printf("%16s %16s %16s path\n", "size", "used", "available");
	print_number(df, unit * st->f_blocks);
	print_number(df, unit * (st->f_blocks - st->f_bfree));
	print_number(df, unit * st->f_bavail);
	show_name(path);
	putchar('\n');
}

static int look(struct df *df, const char *path)
{
	struct endpoint endpoint;
	struct statvfs st;
	int err;

	if (!endpoint_on_mount(path, &endpoint))
		return EXIT_FAILED;
	err = usrbio_statfs(path, &st);
	if (err)
		return fail(path, err);
	(df->json ? print_json : print)(df, path, &st);
	df->first = false;
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	struct df df = {.first = true};
	int option, status = EXIT_FINE;

	while ((option = next_option(argc, argv)) >= 0) {
		df.bytes |= option == 'b';
		df.json |= option == 'j';
	}
	if (optind == argc)
		return usage("a path is needed");
	for (; optind < argc; optind++)
		status |= look(&df, argv[optind]);
	if (df.json)
		puts(df.first ? "[]" : "]");
	return status;
}

const struct command cmd_df = {
	.name = "df",
	.summary = "print the space of file systems",
	.help = help,
	.run = run,
	.letters = "bh",
	.options = option_table,
};
