/* usrbio ln: makes hard and symbolic links at a server. No state; the main thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/base/temp_name.h"
#include "client/tool/base/tool.h"
#include "client/tool/fs/named.h"

#define TEMP_TRIES 8

static const char help[] =
	"usage: usrbio ln [-f] FILE LINK\n"
	"       usrbio ln -s [-f] TEXT LINK\n\n"
	"Give a file one more name, or make a symbolic link. An existing directory as LINK gets\n"
	"the link inside it.\n\n"
	"  -s, --symbolic  make a symbolic link with this text, which need not name anything;\n"
	"                  servers follow links only inside the export\n"
	"  -f, --force     replace an existing file or link\n";

static const struct option option_table[] = {{"symbolic", no_argument, NULL, 's'},
					     {"force", no_argument, NULL, 'f'},
					     {"help", no_argument, NULL, 'h'},
					     {0}};

static int make(const char *target, const char *path, bool symbolic)
{
	return symbolic ? usrbio_symlink(target, path) : usrbio_link(target, path);
}

/*
 * Make the link under another name in the same directory and rename it, so that LINK is the old
 * object or the new one at any moment. 0 or -errno.
 */
static int replace(const char *target, const char *path, bool symbolic)
{
	struct endpoint endpoint;
	char *parent, *name, *temp = NULL;
	char random[TEMP_NAME_SIZE];
	int err = endpoint_of(path, &endpoint);

	if (!err)
		err = named_split(&endpoint, path, &parent, &name);
	if (err)
		return err;
	err = -EEXIST;
	for (int i = 0; err == -EEXIST && i < TEMP_TRIES; i++) {
		free(temp);
		temp_name(random);
		temp = join_path(parent, random);
		err = make(target, temp, symbolic);
	}
	if (!err) {
		err = usrbio_rename(temp, path);
		usrbio_unlink(temp); /* a rename onto another name of the same file does nothing */
	}
	free(temp);
	free(parent);
	free(name);
	return err;
}

/* Return the path of a link to `target` in the directory `dir`. The caller frees it. */
static char *path_in(const char *dir, const char *target)
{
	char *copy = strdup(target), *name, *path;
	size_t len = strlen(target);

	if (!copy)
		exit(fail_text("out of memory"));
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	name = strrchr(copy, '/');
	path = join_path(dir, name && name[1] ? name + 1 : copy);
	free(copy);
	return path;
}

static int run(int argc, char **argv)
{
	bool symbolic = false, force = false;
	struct endpoint from, to;
	const char *target, *path;
	struct usrbio_stat st;
	char *inside = NULL;
	int option, err;

	while ((option = next_option(argc, argv)) >= 0) {
		symbolic |= option == 's';
		force |= option == 'f';
	}
	if (argc - optind != 2)
		return usage("a target and a link are needed");
	target = argv[optind];
	path = argv[optind + 1];
	if (!endpoint_on_mount(path, &to) || (!symbolic && !endpoint_on_mount(target, &from)))
		return EXIT_FAILED;
	if (!usrbio_stat(path, &st) && S_ISDIR(st.mode))
		path = inside = path_in(path, target);
	err = make(target, path, symbolic);
	if (err == -EEXIST && force)
		err = replace(target, path, symbolic);
	if (err == -EXDEV)
		err = fail_text("%s: on another mount or file system than %s", path, target);
	else if (err)
		err = fail(err == -EEXIST || symbolic ? path : target, err);
	free(inside);
	return err;
}

const struct command cmd_ln = {
	.name = "ln",
	.summary = "make links",
	.help = help,
	.run = run,
	.letters = "sfh",
	.options = option_table,
};
