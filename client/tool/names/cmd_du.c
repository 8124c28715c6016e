/* usrbio du: adds up the space of trees. The main thread owns everything here. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "client/tool/base/show.h"
#include "client/tool/base/tool.h"
#include "client/tool/ledger/idset.h"
#include "client/tool/tree/visit.h"

static const char help[] =
	"usage: usrbio du [-s] [-b] [--apparent-size] [--json] PATH...\n\n"
	"Print how much space each directory of a tree uses with all that is in it. A file with\n"
	"several names counts once. No symbolic link is followed.\n\n"
	"  -s, --summarize  only each PATH, not the directories in it\n"
	"  -b, --bytes      exact numbers of bytes\n"
	"  --apparent-size  sizes of files instead of the space that they use on the disk\n"
	"  --json           a JSON list with an object for each directory\n";

static const struct option option_table[] = {
	{"summarize", no_argument, NULL, 's'},	   {"bytes", no_argument, NULL, 'b'},
	{"apparent-size", no_argument, NULL, 'a'}, {"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},	   {0},
};

struct sum {
	uint64_t allocated, size; /* bytes */
	uint64_t files, directories;
};

struct du {
	bool summarize, bytes, apparent, json;
	bool first;	  /* nothing of the list has been printed */
	struct sum *open; /* by depth: directories whose contents are being added up */
	size_t room;
	struct idset seen; /* files with several names */
};

static struct sum *sum_at(struct du *du, unsigned depth)
{
	if (depth >= du->room) {
		du->room = depth + 64;
		du->open = reallocarray(du->open, du->room, sizeof(*du->open));
		if (!du->open)
			exit(fail_text("out of memory"));
	}
	return &du->open[depth];
}

static void add(struct sum *to, const struct sum *sum)
{
	to->allocated += sum->allocated;
	to->size += sum->size;
	to->files += sum->files;
	to->directories += sum->directories;
}

static void print(struct du *du, const char *path, const struct sum *sum)
{
	uint64_t bytes = du->apparent ? sum->size : sum->allocated;
	char text[24];

	if (du->json) {
		fputs(du->first ? "[{" : ",\n {", stdout);
		show_json("path", path);
		printf(", \"allocated\": %" PRIu64 ", \"size\": %" PRIu64 ", \"files\": %" PRIu64
		       ", \"directories\": %" PRIu64 "}",
		       sum->allocated, sum->size, sum->files, sum->directories);
		du->first = false;
		return;
	}
	if (du->bytes)
		printf("%12" PRIu64 " ", bytes);
	else
		printf("%12s ", show_bytes((double)bytes, text));
	show_name(path);
	putchar('\n');
}

/* True if this is another name of a file that was added already. */
static bool seen_before(struct du *du, const struct usrbio_stat *st)
{
	struct usrbio_id id = id_of(st);

	return st->nlink > 1 && !idset_add(&du->seen, idset_key_of(&id, sizeof(id), 0, 0));
}

static int visit(const struct visited *visited, void *arg)
{
	const struct usrbio_stat *st = &visited->st;
	struct sum sum = {.allocated = st->blocks * 512, .size = st->size, .files = 1};
	struct du *du = arg;

	if (S_ISDIR(st->mode) || seen_before(du, st))
		return EXIT_FINE;
	if (visited->depth)
		add(sum_at(du, visited->depth - 1), &sum);
	else
		print(du, visited->path, &sum);
	return EXIT_FINE;
}

static void enter(const struct usrbio_stat *st, unsigned depth, void *arg)
{
	*sum_at(arg, depth) =
		(struct sum){.allocated = st->blocks * 512, .size = st->size, .directories = 1};
}

/* A directory is complete: add it to the one above. */
static void leave(const char *path, unsigned depth, void *arg)
{
	struct du *du = arg;
	struct sum sum = *sum_at(du, depth);

	if (!depth || !du->summarize)
		print(du, path, &sum);
	if (depth)
		add(sum_at(du, depth - 1), &sum);
}

static int run(int argc, char **argv)
{
	struct du du = {.first = true};
	struct visitor visitor = {.attributes = true,
				  .max_depth = UINT_MAX,
				  .visit = visit,
				  .enter = enter,
				  .leave = leave,
				  .arg = &du};
	int option, status = EXIT_FINE;
	struct endpoint endpoint;

	while ((option = next_option(argc, argv)) >= 0) {
		du.summarize |= option == 's';
		du.bytes |= option == 'b';
		du.apparent |= option == 'a';
		du.json |= option == 'j';
	}
	if (optind == argc)
		return usage("a path is needed");
	for (; optind < argc; optind++)
		status |= endpoint_on_mount(argv[optind], &endpoint)
				  ? visit_tree(&visitor, argv[optind])
				  : EXIT_FAILED;
	if (du.json)
		puts(du.first ? "[]" : "]");
	free(du.open);
	idset_free(&du.seen);
	return status;
}

const struct command cmd_du = {
	.name = "du",
	.summary = "print how much space trees use",
	.help = help,
	.run = run,
	.letters = "sbh",
	.options = option_table,
};
