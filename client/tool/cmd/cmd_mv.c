/* usrbio mv: renames within one mount. No state; the main thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/fs/fs.h"
#include "client/tool/base/tool.h"

static const char help[] = "usage: usrbio mv SOURCE TARGET\n\n"
			   "Rename a file or directory within one mount. An existing directory as\n"
			   "TARGET gets SOURCE inside it; an existing file is replaced.\n";

static const struct option option_table[] = {{"help", no_argument, NULL, 'h'}, {0}};

/* Return the path in `dir` of the last name of `rest`. The caller frees it. */
static char *path_in(const char *dir, const char *rest)
{
	char *copy = strdup(rest), *name, *path;
	size_t len = strlen(rest);

	while (copy && len && copy[len - 1] == '/')
		copy[--len] = '\0';
	if (!copy)
		exit(fail_text("out of memory"));
	name = strrchr(copy, '/');
	path = join_path(dir, name ? name + 1 : copy);
	free(copy);
	return path;
}

static int run(int argc, char **argv)
{
	struct endpoint from, to;
	const char *source, *target;
	struct usrbio_stat st;
	char *inside = NULL;
	int err;

	next_option(argc, argv);
	if (argc - optind != 2)
		return usage("a source and a target are needed");
	source = argv[optind];
	target = argv[optind + 1];
	if (!endpoint_on_mount(source, &from) || !endpoint_on_mount(target, &to))
		return EXIT_FAILED;
	if (!*from.rest)
		return fail_text("%s: a whole mount cannot be renamed", source);
	if (!usrbio_stat(target, &st) && S_ISDIR(st.mode))
		inside = path_in(target, from.rest);
	err = usrbio_rename(source, inside ? inside : target);
	free(inside);
	if (err == -EXDEV)
		return fail_text("%s: on another mount; use usrbio cp and usrbio rm", target);
	return err ? fail(source, err) : EXIT_FINE;
}

const struct command cmd_mv = {
	.name = "mv",
	.summary = "rename within a mount",
	.help = help,
	.run = run,
	.letters = "h",
	.options = option_table,
};
