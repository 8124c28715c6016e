/* usrbio rm: removes files and trees. No state; the main thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "client/tool/fs/dir.h"
#include "client/tool/fs/named.h"
#include "client/tool/remove/rm_tree.h"
#include "client/tool/base/tool.h"

/* The number of directories that may be open at the same time; a deep tree has more. */
#define DIRS_OPEN 32

static const char help[] = "usage: usrbio rm [-r] [-f] PATH...\n\n"
			   "Remove files.\n\n"
			   "  -r, --recursive  remove directories with their contents\n"
			   "  -f, --force      ignore files that do not exist\n";

static const struct option option_table[] = {{"recursive", no_argument, NULL, 'r'},
					     {"force", no_argument, NULL, 'f'},
					     {"help", no_argument, NULL, 'h'},
					     {0}};

/* Remove a directory: open its parent by the path that the user named. */
static int remove_directory(const char *path, const struct endpoint *endpoint, bool force)
{
	char *parent, *name;
	struct usrbio_id id;
	struct usrbio_stat st;
	struct dirs dirs;
	struct dir *top;
	int err = named_split(endpoint, path, &parent, &name), fd, status;

	if (err)
		return fail(path, err);
	fd = fs_mount.open(parent, O_RDONLY | O_DIRECTORY, 0);
	err = fd < 0 ? fd : fs_mount.fstat(fd, &st);
	if (err) {
		status = fail(parent, err);
		if (fd >= 0)
			fs_mount.close(fd);
	} else {
		dirs_init(&dirs, DIRS_OPEN);
		id = id_of(&st);
		top = dir_top(&dirs, &fs_mount, parent, fd, &id);
		status = rm_tree(top, name, force);
		dir_put(top);
		dirs_destroy(&dirs);
	}
	free(parent);
	free(name);
	return status;
}

static int remove_argument(const char *path, bool recursive, bool force)
{
	struct endpoint endpoint;
	struct usrbio_stat st;
	int err;

	if (!endpoint_on_mount(path, &endpoint))
		return EXIT_FAILED;
	if (!*endpoint.rest)
		return fail_text("%s: a whole mount is not removed", path);
	err = usrbio_unlink(path);
	if (recursive && (err == -EISDIR || err == -EPERM) && !usrbio_lstat(path, &st) &&
	    S_ISDIR(st.mode)) /* POSIX allows either error for a directory */
		return remove_directory(path, &endpoint, force);
	return err && !(force && err == -ENOENT) ? fail(path, err) : EXIT_FINE;
}

static int run(int argc, char **argv)
{
	bool recursive = false, force = false;
	int option, status = EXIT_FINE;

	while ((option = next_option(argc, argv)) >= 0) {
		if (option == 'f')
			force = true;
		else
			recursive = true;
	}
	if (optind == argc && !force)
		return usage("a path is needed");
	for (; optind < argc; optind++)
		status |= remove_argument(argv[optind], recursive, force);
	return status;
}

const struct command cmd_rm = {
	.name = "rm",
	.summary = "remove files",
	.help = help,
	.run = run,
	.letters = "rRfh",
	.options = option_table,
};
