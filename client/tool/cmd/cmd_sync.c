/* usrbio sync: makes a directory equal to another one. No state; the main thread. */
#include <errno.h>
#include <sys/stat.h>

#include "client/tool/base/tool.h"
#include "client/tool/cmd/copying.h"

static const char help[] =
	"usage: usrbio sync [OPTIONS] SOURCE TARGET\n\n"
	"Make the directory TARGET equal to the directory SOURCE: copy what differs, as cp -a does,\n"
	"and then delete what SOURCE does not have. Files differ if their size or time of change\n"
	"differs. Nothing is deleted after an error.\n\n"
	"  --checksum         files of equal size differ if their contents do\n"
	"  --no-delete        delete nothing\n" COPYING_HELP;

static const struct option option_table[] = {
	{"checksum", no_argument, NULL, 'c'},
	{"no-delete", no_argument, NULL, 'd'},
	COPYING_OPTIONS,
};

/* True after a report: the path is no directory; the target may be missing. */
static bool is_wrong(const char *path, bool missing)
{
	struct endpoint endpoint;
	struct usrbio_stat st;
	int err = endpoint_of(path, &endpoint);

	if (!err)
		err = endpoint.fs->stat(path, &st);
	if (err == -ENOENT && missing)
		return false;
	if (!err && !S_ISDIR(st.mode))
		err = -ENOTDIR;
	return err && fail(path, err);
}

static int run(int argc, char **argv)
{
	struct copying copying = copying_defaults();
	struct copy_config *config = &copying.config;
	int option;

	config->links = config->preserve = config->names = config->mirror = config->remove = true;
	config->replace = REPLACE_CHANGED;
	copying.recursive = copying.contents = true;
	while ((option = next_option(argc, argv)) >= 0) {
		if (copying_set(&copying, option))
			continue;
		config->checksum |= option == 'c';
		config->remove &= option != 'd';
	}
	if (argc - optind != 2)
		return usage("a source and a target are needed");
	if (is_wrong(argv[optind], false) || is_wrong(argv[optind + 1], true))
		return EXIT_FAILED;
	return copying_run(&copying, argv + optind, 1);
}

const struct command cmd_sync = {
	.name = "sync",
	.summary = "make a directory equal to another one",
	.help = help,
	.run = run,
	.letters = "qh",
	.options = option_table,
};
