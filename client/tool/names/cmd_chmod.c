/* usrbio chmod: sets permissions at a server. No state; the main thread. */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "client/tool/base/tool.h"
#include "client/tool/names/mode.h"
#include "client/tool/tree/visit.h"

static const char help[] =
	"usage: usrbio chmod [-R] MODE PATH...\n\n"
	"Set the nine permission bits of files. MODE is octal, such as 640, or has letters, such\n"
	"as u+rw,go-w: users u, g, o and a, then +, - or =, then r, w, x and X. Set-user-id,\n"
	"set-group-id and sticky bits cannot be set.\n\n"
	"  -R, --recursive  with everything in directories; links in them are left out\n";

static const struct option option_table[] = {
	{"recursive", no_argument, NULL, 'R'}, {"help", no_argument, NULL, 'h'}, {0}};

struct chmod_options {
	const char *mode;
	mode_t umask;
};

static int visit(const struct visited *visited, void *arg)
{
	const struct chmod_options *options = arg;
	mode_t now = visited->st.mode, mode;
	int err;

	if (S_ISLNK(now))
		return EXIT_FINE;
	mode = mode_apply(options->mode, now, options->umask, S_ISDIR(now));
	if (mode == (now & 07777))
		return EXIT_FINE;
	err = visited->dir < 0
		      ? usrbio_chmod(visited->path, mode)
		      : usrbio_fchmodat(visited->dir, visited->name, mode, AT_SYMLINK_NOFOLLOW);
	return err ? fail(visited->path, err) : EXIT_FINE;
}

/* Set the mode of what the user named; a link is followed. */
static int change(const struct chmod_options *options, const char *path)
{
	struct usrbio_stat st;
	int err = usrbio_stat(path, &st);

	if (!err)
		err = usrbio_chmod(
			path, mode_apply(options->mode, st.mode, options->umask, S_ISDIR(st.mode)));
	return err ? fail(path, err) : EXIT_FINE;
}

/* A mode such as -w looks like an option: write a-w, or "--" before it. */
static int run(int argc, char **argv)
{
	struct chmod_options options = {.umask = umask(0)};
	struct visitor visitor = {
		.attributes = true, .max_depth = UINT_MAX, .visit = visit, .arg = &options};
	bool recursive = false;
	int status = EXIT_FINE;
	struct endpoint endpoint;

	umask(options.umask);
	while (next_option(argc, argv) >= 0)
		recursive = true;
	if (argc - optind < 2)
		return usage("a mode and a path are needed");
	options.mode = argv[optind++];
	if (!mode_check(options.mode))
		return usage("'%s' is no mode", options.mode);
	for (; optind < argc; optind++) {
		if (!endpoint_on_mount(argv[optind], &endpoint))
			status = EXIT_FAILED;
		else
			status |= recursive ? visit_tree(&visitor, argv[optind])
					    : change(&options, argv[optind]);
	}
	return status;
}

const struct command cmd_chmod = {
	.name = "chmod",
	.summary = "set permissions",
	.help = help,
	.run = run,
	.letters = "Rh",
	.options = option_table,
};
