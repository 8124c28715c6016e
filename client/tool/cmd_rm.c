/* usrbio rm. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "client/tool/fs.h"
#include "client/tool/tool.h"

static const char help[] = "usage: usrbio rm [-r] [-f] PATH...\n\n"
			   "Remove files.\n\n"
			   "  -r, --recursive  directories and what is in them as well\n"
			   "  -f, --force      what does not exist is no error\n";

/* Names are gathered first: removing while listing would make the listing miss some. */
struct names {
	char **path;
	size_t n, room;
	const char *dir;
};

static int remove_path(const char *path, bool recursive, bool force);

static int gather(const char *name, unsigned char type, void *arg)
{
	struct names *names = arg;

	(void)type;
	if (names->n == names->room) {
		names->room = names->room ? 2 * names->room : 64;
		names->path = reallocarray(names->path, names->room, sizeof(*names->path));
		if (!names->path)
			exit(fail_text("out of memory"));
	}
	names->path[names->n++] = join_path(names->dir, name);
	return 0;
}

static int remove_tree(const char *path, bool force)
{
	struct names names = {.dir = path};
	int err = fs_mount.list(path, gather, &names);
	int status = err ? fail(path, err) : EXIT_FINE;

	for (size_t i = 0; i < names.n; i++) {
		status |= remove_path(names.path[i], true, force);
		free(names.path[i]);
	}
	free(names.path);
	if (status)
		return status;
	err = usrbio_rmdir(path);
	return err ? fail(path, err) : EXIT_FINE;
}

static int remove_path(const char *path, bool recursive, bool force)
{
	int err = usrbio_unlink(path);

	if (err == -EISDIR || err == -EPERM) { /* POSIX lets a directory be either */
		struct usrbio_stat st;

		if (recursive && !usrbio_lstat(path, &st) && S_ISDIR(st.mode))
			return remove_tree(path, force);
	}
	if (err && !(force && err == -ENOENT))
		return fail(path, err);
	return EXIT_FINE;
}

static int remove_argument(const char *path, bool recursive, bool force)
{
	struct endpoint endpoint;

	if (!endpoint_on_mount(path, &endpoint))
		return EXIT_FAILED;
	if (!*endpoint.rest)
		return fail_text("%s: a whole mount is not removed", path);
	return remove_path(path, recursive, force);
}

static int run(int argc, char **argv)
{
	static const struct option table[] = {{"recursive", no_argument, NULL, 'r'},
					      {"force", no_argument, NULL, 'f'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	bool recursive = false, force = false;
	int option, status = EXIT_FINE;

	while ((option = next_option(argc, argv, "rRfh", table)) >= 0) {
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

const struct command cmd_rm = {"rm", "remove files", help, run};
