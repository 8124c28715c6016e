/* usrbio find: prints the names of a tree that match. The main thread owns everything here. */
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/base/show.h"
#include "client/tool/base/tool.h"
#include "client/tool/tree/visit.h"

static const char help[] =
	"usage: usrbio find [OPTIONS] PATH...\n\n"
	"Print the paths of a tree, with PATH itself. All conditions must hold. No symbolic link\n"
	"is followed.\n\n"
	"  --name PATTERN  the last name matches a shell pattern; quote it for the shell\n"
	"  --type LETTER   f: file, d: directory, l: symbolic link, p: FIFO, s: socket,\n"
	"                  b, c: device\n"
	"  --newer PATH    changed later than PATH, which is on a mount, too\n"
	"  --max-depth N   at most N names below PATH\n"
	"  -0, --null      for scripts: each path ends with a zero byte and is never quoted\n"
	"  --json          a JSON list with an object for each path, with its attributes\n";

static const struct option option_table[] = {
	{"name", required_argument, NULL, 'n'},	 {"type", required_argument, NULL, 't'},
	{"newer", required_argument, NULL, 'w'}, {"max-depth", required_argument, NULL, 'm'},
	{"null", no_argument, NULL, '0'},	 {"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},	 {0},
};

struct find_options {
	const char *name; /* NULL: any */
	mode_t type;	  /* 0: any */
	bool newer, null, json;
	int64_t newer_ns; /* since 1970 */
	bool first;	  /* nothing of the list has been printed */
};

/* Return the last name of a path; for "/" and a whole mount, what is behind the last slash. */
static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool matches(const struct find_options *options, const struct visited *visited)
{
	if (options->type && (visited->st.mode & S_IFMT) != options->type)
		return false;
	if (options->newer && visited->st.mtime_ns <= options->newer_ns)
		return false;
	return !options->name || !fnmatch(options->name, last_name(visited->path), 0);
}

static int visit(const struct visited *visited, void *arg)
{
	struct find_options *options = arg;

	if (!matches(options, visited))
		return EXIT_FINE;
	if (options->json) {
		fputs(options->first ? "[{" : ",\n {", stdout);
		show_json("path", visited->path);
		show_json_attributes(&visited->st);
		putchar('}');
	} else {
		if (options->null)
			fputs(visited->path, stdout);
		else
			show_name(visited->path);
		putchar(options->null ? '\0' : '\n');
	}
	options->first = false;
	return EXIT_FINE;
}

/* Return the type that a letter stands for; 0: none. */
static mode_t type_of(const char *letter)
{
	static const char letters[] = "fdlpsbc";
	static const mode_t types[] = {S_IFREG,	 S_IFDIR, S_IFLNK, S_IFIFO,
				       S_IFSOCK, S_IFBLK, S_IFCHR};
	const char *at = *letter && !letter[1] ? strchr(letters, *letter) : NULL;

	return at ? types[at - letters] : 0;
}

static void set(struct find_options *options, struct visitor *visitor, const char **newer,
		int option)
{
	switch (option) {
	case 'n':
		options->name = optarg;
		break;
	case 't':
		options->type = type_of(optarg);
		if (!options->type)
			exit(usage("--type: '%s' is none of f, d, l, p, s, b and c", optarg));
		break;
	case 'w':
		*newer = optarg;
		options->newer = visitor->attributes = true;
		break;
	case 'm':
		visitor->max_depth = (unsigned)size_option("--max-depth", 0, UINT_MAX);
		break;
	case '0':
		options->null = true;
		break;
	default:
		options->json = visitor->attributes = true;
	}
}

static int run(int argc, char **argv)
{
	struct find_options options = {.first = true};
	struct visitor visitor = {.max_depth = UINT_MAX, .visit = visit, .arg = &options};
	int option, status = EXIT_FINE, err;
	const char *newer = NULL;
	struct endpoint endpoint;
	struct usrbio_stat st;

	while ((option = next_option(argc, argv)) >= 0)
		set(&options, &visitor, &newer, option);
	if (optind == argc)
		return usage("a path is needed");
	if (options.null && options.json)
		return usage("-0 and --json exclude each other");
	if (newer && !endpoint_on_mount(newer, &endpoint))
		return EXIT_FAILED;
	err = newer ? usrbio_stat(newer, &st) : 0;
	if (err)
		return fail(newer, err);
	options.newer_ns = newer ? st.mtime_ns : 0;
	for (; optind < argc; optind++)
		status |= endpoint_on_mount(argv[optind], &endpoint)
				  ? visit_tree(&visitor, argv[optind])
				  : EXIT_FAILED;
	if (options.json)
		puts(options.first ? "[]" : "]");
	return status;
}

const struct command cmd_find = {
	.name = "find",
	.summary = "print the paths of a tree that match",
	.help = help,
	.run = run,
	.letters = "0h",
	.options = option_table,
};
