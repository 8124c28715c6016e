/* usrbio mkdir: makes directories. No state; the main thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/fs/fs.h"
#include "client/tool/base/tool.h"

static const char help[] =
	"usage: usrbio mkdir [-p] [-m MODE] PATH...\n\n"
	"Make directories.\n\n"
	"  -p, --parents    make parent directories, too; an existing one is no error\n"
	"  -m, --mode MODE  permissions in octal, default 755\n";

static const struct option option_table[] = {{"parents", no_argument, NULL, 'p'},
					     {"mode", required_argument, NULL, 'm'},
					     {"help", no_argument, NULL, 'h'},
					     {0}};

/*
 * Make each directory of `rest`, which points into path, from the first to the last. 0 or -errno.
 */
static int make_all(char *path, const char *rest, mode_t mode)
{
	char *at = path + (rest - path);
	struct usrbio_stat st;
	int err = *at ? 0 : usrbio_stat(path, &st); /* a whole mount only has to exist */

	while (*at && (!err || err == -EEXIST)) {
		char cut;

		at += strcspn(at, "/");
		cut = *at;
		*at = '\0';
		err = usrbio_mkdir(path, mode);
		*at = cut;
		at += strspn(at, "/");
	}
	return err == -EEXIST ? 0 : err;
}

static int make(char *path, bool parents, mode_t mode)
{
	struct endpoint endpoint;
	int err;

	if (!endpoint_on_mount(path, &endpoint))
		return EXIT_FAILED;
	err = parents ? make_all(path, endpoint.rest, mode) : usrbio_mkdir(path, mode);
	return err ? fail(path, err) : EXIT_FINE;
}

static int run(int argc, char **argv)
{
	int option, status = EXIT_FINE;
	unsigned long mode = 0755;
	bool parents = false;
	char *end;

	while ((option = next_option(argc, argv)) >= 0) {
		if (option == 'p') {
			parents = true;
			continue;
		}
		mode = strtoul(optarg, &end, 8);
		if (*end || end == optarg || mode > 07777)
			return usage("--mode: '%s' is no octal mode", optarg);
	}
	if (optind == argc)
		return usage("a path is needed");
	for (; optind < argc; optind++)
		status |= make(argv[optind], parents, (mode_t)mode);
	return status;
}

const struct command cmd_mkdir = {
	.name = "mkdir",
	.summary = "make directories",
	.help = help,
	.run = run,
	.letters = "pm:h",
	.options = option_table,
};
