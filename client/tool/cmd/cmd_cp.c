/* usrbio cp: interprets the arguments of a copy. No state; the main thread. */
#include <string.h>

#include "client/tool/base/tool.h"
#include "client/tool/cmd/copying.h"

static const char help[] =
	"usage: usrbio cp [-r] [OPTIONS] SOURCE... TARGET\n\n"
	"Copy files to, from and between mounts, many blocks and many files at a time.\n"
	"With several sources, or an existing directory as TARGET, copies go into it. A SOURCE of\n"
	"\"-\" is standard input, a TARGET of \"-\" is standard output.\n\n"
	"  -a, --archive      the same as -r -P -p, and files keep their several names\n"
	"  -r, --recursive    copy directories with their contents\n"
	"  -p, --preserve     keep permissions, times, and owners if that is permitted\n"
	"  -P, --no-dereference  copy symbolic links as links\n"
	"  -L, --dereference  copy what symbolic links lead to; the default\n"
	"  -n, --no-clobber   keep targets that exist\n"
	"  -u, --update       keep targets that were changed later than their source, or then\n" COPYING_HELP;

static const struct option option_table[] = {
	{"archive", no_argument, NULL, 'a'},	 {"recursive", no_argument, NULL, 'r'},
	{"preserve", no_argument, NULL, 'p'},	 {"no-dereference", no_argument, NULL, 'P'},
	{"dereference", no_argument, NULL, 'L'}, {"no-clobber", no_argument, NULL, 'n'},
	{"update", no_argument, NULL, 'u'},	 COPYING_OPTIONS,
};

static void set(struct copying *copying, int option)
{
	struct copy_config *config = &copying->config;

	switch (option) {
	case 'a':
		copying->recursive = config->links = config->preserve = config->names = true;
		break;
	case 'p':
		config->preserve = true;
		break;
	case 'P':
		config->links = true;
		break;
	case 'L':
		config->links = false;
		break;
	case 'n':
		config->replace = REPLACE_NONE;
		break;
	case 'u':
		config->replace = REPLACE_OLDER;
		break;
	default:
		copying->recursive = true;
	}
}

/* Check the paths "-". 0, or EXIT_USAGE after a report. */
static int check_standard(struct copying *copying, char **paths, int n)
{
	bool input = false, output = !strcmp(paths[n], STANDARD);

	for (int i = 0; i < n; i++)
		input |= !strcmp(paths[i], STANDARD);
	if ((input || output) && (n > 1 || copying->recursive || copying->config.verify))
		return usage("-: standard input and output are copied alone, without -r and "
			     "--verify; a file of that name is ./-");
	copying->quiet |= output;
	return output && copying->json ? usage("-: the output cannot have a summary, too") : 0;
}

static int run(int argc, char **argv)
{
	struct copying copying = copying_defaults();
	int option, status;

	while ((option = next_option(argc, argv)) >= 0)
		if (!copying_set(&copying, option))
			set(&copying, option);
	if (argc - optind < 2)
		return usage("a source and a target are needed");
	status = check_standard(&copying, argv + optind, argc - optind - 1);
	return status ? status : copying_run(&copying, argv + optind, argc - optind - 1);
}

const struct command cmd_cp = {
	.name = "cp",
	.summary = "copy files to, from and between mounts",
	.help = help,
	.run = run,
	.letters = "arRpPLnuqh",
	.options = option_table,
};
