/* usrbio ls: names in order, optionally with attributes and what is below. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/fs.h"
#include "client/tool/show.h"
#include "client/tool/tool.h"

static const char help[] = "usage: usrbio ls [-l] [-R] PATH...\n\n"
			   "List directories of a mount.\n\n"
			   "  -l               with mode, links, owner, size and time\n"
			   "  -R, --recursive  directories below as well\n";

struct options {
	bool all_about, recursive, heading;
};

struct entry {
	char *name;
	unsigned char type;
};

struct listing {
	struct entry *entries;
	size_t n, room;
};

static int add(const char *name, unsigned char type, void *arg)
{
	struct listing *listing = arg;

	if (listing->n == listing->room) {
		listing->room = listing->room ? 2 * listing->room : 64;
		listing->entries =
			reallocarray(listing->entries, listing->room, sizeof(struct entry));
	}
	if (listing->entries)
		listing->entries[listing->n].name = strdup(name);
	if (!listing->entries || !listing->entries[listing->n].name)
		exit(fail_text("out of memory"));
	listing->entries[listing->n++].type = type;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int print_long(const char *path, const char *name)
{
	char mode[11], when[32];
	struct usrbio_stat st;
	int err = usrbio_lstat(path, &st);

	if (err)
		return fail(path, err);
	show_mode(st.mode, mode);
	show_time(st.mtime_ns, when);
	printf("%s %3u %5u %5u %12" PRIu64 " %s %s\n", mode, st.nlink, st.uid, st.gid, st.size,
	       when, name);
	return EXIT_FINE;
}

static int print(const struct options *options, const char *path, const char *name)
{
	if (options->all_about)
		return print_long(path, name);
	puts(name);
	return EXIT_FINE;
}

static int list(const struct options *options, const char *dir, bool heading)
{
	struct listing listing = {0};
	int err = fs_mount.list(dir, add, &listing), status = err ? fail(dir, err) : EXIT_FINE;

	if (!err && heading)
		printf("%s:\n", dir);
	if (listing.n)
		qsort(listing.entries, listing.n, sizeof(struct entry), by_name);
	for (size_t i = 0; i < listing.n; i++) {
		char *path = join_path(dir, listing.entries[i].name);

		status |= print(options, path, listing.entries[i].name);
		free(path);
	}
	for (size_t i = 0; i < listing.n; i++) {
		if (options->recursive && listing.entries[i].type == DT_DIR) {
			char *path = join_path(dir, listing.entries[i].name);

			putchar('\n');
			status |= list(options, path, true);
			free(path);
		}
		free(listing.entries[i].name);
	}
	free(listing.entries);
	return status;
}

static int list_argument(const struct options *options, const char *path)
{
	struct endpoint endpoint;
	struct usrbio_stat st;
	int err;

	if (!endpoint_on_mount(path, &endpoint))
		return EXIT_FAILED;
	err = usrbio_stat(path, &st);
	if (err)
		return fail(path, err);
	if (!S_ISDIR(st.mode))
		return print(options, path, path);
	return list(options, path, options->heading);
}

static int run(int argc, char **argv)
{
	static const struct option table[] = {
		{"recursive", no_argument, NULL, 'R'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct options options = {0};
	int option, status = EXIT_FINE;

	while ((option = next_option(argc, argv, "lRh", table)) >= 0) {
		if (option == 'l')
			options.all_about = true;
		else
			options.recursive = true;
	}
	if (optind == argc)
		return usage("a path is needed");
	options.heading = options.recursive || argc - optind > 1;
	for (; optind < argc; optind++)
		status |= list_argument(&options, argv[optind]);
	return status;
}

const struct command cmd_ls = {"ls", "list directories", help, run};
