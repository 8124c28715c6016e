/* usrbio stat: prints the attributes of files at a server. No state; the main thread. */
#include <inttypes.h>
#include <stdio.h>

#include "client/tool/fs/fs.h"
#include "client/tool/base/show.h"
#include "client/tool/base/tool.h"

static const char help[] = "usage: usrbio stat [-L] [--json] PATH...\n\n"
			   "Print the attributes of files.\n\n"
			   "  -L, --dereference  follow symbolic links\n"
			   "  --json             as JSON: a list with an object for each file\n";

static const struct option option_table[] = {{"dereference", no_argument, NULL, 'L'},
					     {"json", no_argument, NULL, 'j'},
					     {"help", no_argument, NULL, 'h'},
					     {0}};

static void print(const char *path, const struct endpoint *endpoint, const struct usrbio_stat *st)
{
	char mode[11], when[32];

	show_mode(st->mode, mode);
	fputs("  path: ", stdout);
	show_name(path);
	fputs("\n mount: ", stdout);
	show_name(endpoint->mount_point);
	printf("\n  mode: %s (%04o)\n", mode, st->mode & 07777);
	printf("  size: %" PRIu64 " bytes, %" PRIu64 " blocks of 512\n", st->size, st->blocks);
	printf(" inode: %" PRIu64 " on device %" PRIx64 ", %u links\n", st->ino, st->dev,
	       st->nlink);
	printf(" owner: %u, group %u\n", st->uid, st->gid);
	show_time(st->atime_ns, when);
	printf("access: %s\n", when);
	show_time(st->mtime_ns, when);
	printf("modify: %s\n", when);
	show_time(st->ctime_ns, when);
	printf("change: %s\n", when);
}

static void print_json(const char *path, const struct endpoint *endpoint,
		       const struct usrbio_stat *st, bool first)
{
	fputs(first ? "[{" : ",\n {", stdout);
	show_json("path", path);
	fputs(", ", stdout);
	show_json("mount", endpoint->mount_point);
	show_json_attributes(st);
	putchar('}');
}

struct stat_options {
	bool follow, json;
	bool first; /* nothing of the list has been printed */
};

static int stat_argument(struct stat_options *options, const char *path)
{
	struct endpoint endpoint;
	struct usrbio_stat st;
	int err;

	if (!endpoint_on_mount(path, &endpoint))
		return EXIT_FAILED;
	err = options->follow ? usrbio_stat(path, &st) : usrbio_lstat(path, &st);
	if (err)
		return fail(path, err);
	if (options->json)
		print_json(path, &endpoint, &st, options->first);
	else
		print(path, &endpoint, &st);
	options->first = false;
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	struct stat_options options = {.first = true};
	int option, status = EXIT_FINE;

	while ((option = next_option(argc, argv)) >= 0) {
		if (option == 'L')
			options.follow = true;
		else
			options.json = true;
	}
	if (optind == argc)
		return usage("a path is needed");
	for (; optind < argc; optind++)
		status |= stat_argument(&options, argv[optind]);
	if (options.json)
		puts(options.first ? "[]" : "]");
	return status;
}

const struct command cmd_stat = {
	.name = "stat",
	.summary = "print the attributes of files",
	.help = help,
	.run = run,
	.letters = "Lh",
	.options = option_table,
};
