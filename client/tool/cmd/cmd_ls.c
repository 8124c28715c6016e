/*
 * usrbio ls: prints sorted names, with attributes or recursively if the user wants that. The main
 * thread owns everything here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/fs/fs.h"
#include "client/tool/base/show.h"
#include "client/tool/base/tool.h"

static const char help[] =
	"usage: usrbio ls [-l] [-R] [-0 | --json] PATH...\n\n"
	"List directories of a mount. On a terminal, names are quoted for a shell if that is\n"
	"needed; otherwise they are printed exactly.\n\n"
	"  -l               print mode, links, owner, size and time, too\n"
	"  -R, --recursive  list subdirectories as well\n"
	"  -0, --null       for scripts: each name ends with a zero byte and is never quoted;\n"
	"                   no headings: with -R or several PATHs, paths instead of names\n"
	"  --json           a JSON list with an object for each name\n";

static const struct option option_table[] = {{"recursive", no_argument, NULL, 'R'},
					     {"null", no_argument, NULL, '0'},
					     {"json", no_argument, NULL, 'j'},
					     {"help", no_argument, NULL, 'h'},
					     {0}};

struct ls_options {
	bool all_about, recursive, heading, null, json;
	bool first; /* nothing of the list has been printed */
};

struct entry {
	char *name;
	unsigned char type;
};

/*
 * The names of a directory are kept for sorting, and a server may send any number of them. This
 * limits their memory, in bytes: 2 to 3 million names of usual length.
 */
#define NAMES_BYTES ((size_t)192 << 20)
#define SOME_MAX    1024			/* entries whose attributes are asked for at once */
#define NAME_BYTES  (32 + sizeof(struct entry)) /* about what a name needs besides its text */

struct listing {
	struct entry *entries;
	size_t n, room, bytes;
};

static int add(const char *name, unsigned char type, void *arg)
{
	struct listing *listing = arg;

	listing->bytes += NAME_BYTES + strlen(name);
	if (listing->bytes > NAMES_BYTES)
		return -E2BIG;
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

static void print_long(const struct usrbio_stat *st)
{
	char mode[11], when[32];

	show_mode(st->mode, mode);
	show_time(st->mtime_ns, when);
	printf("%s %3u %5u %5u %12" PRIu64 " %s ", mode, st->nlink, st->uid, st->gid, st->size,
	       when);
}

/* Print an entry as JSON; st is NULL without -l. */
static void print_json(struct ls_options *options, const char *path, const struct entry *entry,
		       const struct usrbio_stat *st)
{
	fputs(options->first ? "[{" : ",\n {", stdout);
	options->first = false;
	show_json("path", path);
	fputs(", ", stdout);
	show_json("name", entry->name);
	if (st)
		show_json_attributes(st);
	else
		printf(", \"type\": \"%s\"", show_type(DTTOIF(entry->type)));
	putchar('}');
}

static void print_name(const struct ls_options *options, const char *path, const char *name)
{
	if (!options->null)
		show_name(name);
	else
		fputs(options->heading ? path : name, stdout);
	putchar(options->null ? '\0' : '\n');
}

/* Print an entry; st is NULL without -l. */
static void print(struct ls_options *options, const char *path, const struct entry *entry,
		  const struct usrbio_stat *st)
{
	if (options->json) {
		print_json(options, path, entry, st);
		return;
	}
	if (st)
		print_long(st);
	print_name(options, path, entry->name);
}

/* Print entries with these paths, at most SOME_MAX. With -l their attributes come in few calls. */
static int print_some(struct ls_options *options, char *const *paths, const struct entry *entries,
		      size_t n)
{
	static struct usrbio_stat attrs[SOME_MAX];
	static int errs[SOME_MAX];
	int status = EXIT_FINE, found = (int)n;

	if (options->all_about)
		found = usrbio_stats((const char *const *)paths, n, AT_SYMLINK_NOFOLLOW, attrs,
				     errs);
	if (found < 0)
		return fail(paths[0], found);
	for (size_t i = 0; i < n; i++)
		if (options->all_about && errs[i])
			status |= fail(paths[i], errs[i]);
		else
			print(options, paths[i], &entries[i],
			      options->all_about ? &attrs[i] : NULL);
	return status;
}

/* Print all entries of a directory. */
static int print_all(struct ls_options *options, const char *dir, const struct listing *listing)
{
	static char *paths[SOME_MAX];
	int status = EXIT_FINE;
	size_t some;

	for (size_t first = 0; first < listing->n; first += some) {
		const struct entry *entries = &listing->entries[first];

		some = listing->n - first < SOME_MAX ? listing->n - first : SOME_MAX;
		for (size_t i = 0; i < some; i++)
			paths[i] = join_path(dir, entries[i].name);
		status |= print_some(options, paths, entries, some);
		for (size_t i = 0; i < some; i++)
			free(paths[i]);
	}
	return status;
}

/* True if each directory is printed with its path as a heading. */
static bool has_headings(const struct ls_options *options)
{
	return options->heading && !options->null && !options->json;
}

static int list(struct ls_options *options, const char *dir)
{
	struct listing listing = {0};
	int err = fs_mount.list(dir, add, &listing), status = EXIT_FINE;

	if (err == -E2BIG)
		status = fail_text(
			"%s: more names than are sorted at once: only the first %zu are shown", dir,
			listing.n);
	else if (err)
		status = fail(dir, err);
	if (!err && has_headings(options)) {
		show_name(dir);
		puts(":");
	}
	if (listing.n)
		qsort(listing.entries, listing.n, sizeof(struct entry), by_name);
	status |= print_all(options, dir, &listing);
	for (size_t i = 0; i < listing.n; i++) {
		if (options->recursive && listing.entries[i].type == DT_DIR) {
			char *path = join_path(dir, listing.entries[i].name);

			if (has_headings(options))
				putchar('\n');
			status |= list(options, path);
			free(path);
		}
		free(listing.entries[i].name);
	}
	free(listing.entries);
	return status;
}

static int list_argument(struct ls_options *options, char *path)
{
	struct entry itself = {.name = path};
	struct endpoint endpoint;
	struct usrbio_stat st;
	int err;

	if (!endpoint_on_mount(path, &endpoint))
		return EXIT_FAILED;
	err = usrbio_stat(path, &st);
	if (err)
		return fail(path, err);
	itself.type = IFTODT(st.mode);
	if (!S_ISDIR(st.mode))
		return print_some(options, &path, &itself, 1);
	return list(options, path);
}

static void set(struct ls_options *options, int option)
{
	switch (option) {
	case 'l':
		options->all_about = true;
		break;
	case '0':
		options->null = true;
		break;
	case 'j':
		options->json = true;
		break;
	default:
		options->recursive = true;
	}
}

static int run(int argc, char **argv)
{
	struct ls_options options = {.first = true};
	int option, status = EXIT_FINE;

	while ((option = next_option(argc, argv)) >= 0)
		set(&options, option);
	if (optind == argc)
		return usage("a path is needed");
	if (options.null && options.json)
		return usage("-0 and --json exclude each other");
	options.heading = options.recursive || argc - optind > 1;
	for (; optind < argc; optind++)
		status |= list_argument(&options, argv[optind]);
	if (options.json)
		puts(options.first ? "[]" : "]");
	return status;
}

const struct command cmd_ls = {
	.name = "ls",
	.summary = "list directories",
	.help = help,
	.run = run,
	.letters = "l0Rh",
	.options = option_table,
};
