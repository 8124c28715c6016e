/*
 * The sources of cp and sync, as the user named them: what each of them is, and where its copy
 * goes. No state; the main thread, which is the walker.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tool/base/tool.h"
#include "client/tool/cmd/copying.h"
#include "client/tool/fs/named.h"
#include "client/tool/tree/walk.h"

/*
 * Return the name that a source gets in a target directory, which the caller frees. "": the source
 * is a whole mount, "." or "..", and its contents are copied. NULL: out of memory.
 */
static char *name_in_target(const char *rest)
{
	size_t len = strlen(rest), start;

	while (len && rest[len - 1] == '/')
		len--;
	for (start = len; start && rest[start - 1] != '/'; start--)
		;
	rest += start;
	len -= start;
	if ((len == 1 && rest[0] == '.') || (len == 2 && !memcmp(rest, "..", 2)))
		len = 0;
	return strndup(rest, len);
}

/* Open the top of a source tree; NULL after an error has been reported. */
static struct dir *open_top(struct copy *copy, const char *path, struct usrbio_stat *st)
{
	const struct fs *fs = copy->side[FROM].fs;
	struct usrbio_id id;
	int fd, err;

	do {
		fd = fs->open(path, O_RDONLY | O_DIRECTORY, 0);
	} while ((fd == -EMFILE || fd == -ENFILE) && copy_spare_descriptors(copy));
	err = fd < 0 ? fd : fs->fstat(fd, st);
	if (err) {
		fail(path, err);
		if (fd >= 0)
			fs->close(fd);
		return NULL;
	}
	id = id_of(st);
	return dir_top(&copy->run->dirs, fs, path, fd, &id);
}

/*
 * Add a tree. A whole mount, "." and ".." have no name of their own, so their contents are copied.
 */
static void add_tree(struct copy *copy, const struct target *target, const char *path,
		     const char *own_name)
{
	const char *name = target->name ? target->name : *own_name ? own_name : NULL;
	struct usrbio_stat st;
	struct dir *top = open_top(copy, path, &st);

	if (!top) {
		run_count_failure(copy->run);
		return;
	}
	if (target_is_inside(target, &top->id)) {
		fail_text("%s: cannot be copied into itself, %s", path, target->path);
		run_count_failure(copy->run);
	} else {
		walk_tree(copy, top, &st, target->dir, name);
	}
	dir_put(top);
}

static void add_file(struct copy *copy, const struct target *target, const char *path,
		     const char *own_name)
{
	const char *name = target->name ? target->name : own_name;

	if (target->dir)
		walk_add_file(copy, copy_file_new(NULL, path, target->dir, name));
	else
		copy_add(copy, copy_file_new(NULL, path, NULL, target->path));
}

/* True if the target does not exist and has to be a directory, because it ends in a slash. */
static bool wants_directory(const struct target *target)
{
	size_t len = strlen(target->path);

	return target->name && len && target->path[len - 1] == '/';
}

/* Report why a source cannot be copied, if so. 0, or EXIT_FAILED after a report. */
static int reject(const char *path, int err, const struct usrbio_stat *st,
		  const struct target *target, bool recursive)
{
	if (err)
		return fail(path, err);
	if (S_ISDIR(st->mode) && !recursive)
		return fail_text("%s: is a directory; see -r", path);
	if (S_ISDIR(st->mode) && !target->dir)
		return fail_text("%s: is not a directory, not overwritten with the directory %s",
				 target->path, path);
	if (!S_ISDIR(st->mode) && !S_ISREG(st->mode))
		return fail_text("%s: neither a file nor a directory", path);
	if (!S_ISDIR(st->mode) && wants_directory(target))
		return fail_text("%s: there is no such directory", target->path);
	return 0;
}

/* Open the directory that a link is in, if the path's last name is one. NULL: it is no link. */
static struct dir *open_link(struct copy *copy, const char *path, char **name)
{
	const struct fs *fs = copy->side[FROM].fs;
	struct endpoint endpoint;
	struct usrbio_stat st;
	struct usrbio_id id;
	struct dir *dir = NULL;
	char *parent;
	int fd;

	if (endpoint_of(path, &endpoint) || path[strlen(path) - 1] == '/' ||
	    named_split(&endpoint, path, &parent, name))
		return NULL;
	fd = fs->open(parent, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0 && !fs->fstatat(fd, *name, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.mode) &&
	    !fs->fstat(fd, &st)) {
		id = id_of(&st);
		dir = dir_top(&copy->run->dirs, fs, parent, fd, &id);
	} else if (fd >= 0) {
		fs->close(fd);
	}
	if (!dir)
		free(*name);
	free(parent);
	return dir;
}

/* Add a source that is a link, as a link. False: it is none. */
static bool add_link(struct copy *copy, const struct copying *copying, const struct target *target,
		     const char *path)
{
	struct copy_file *file;
	struct dir *dir;
	char *name;

	if (copying->contents || !*path || !target->dir)
		return false;
	dir = open_link(copy, path, &name);
	if (!dir)
		return false;
	file = copy_file_new(dir, name, target->dir, target->name ? target->name : name);
	file->kind = KIND_LINK;
	walk_add_file(copy, file);
	dir_put(dir);
	free(name);
	return true;
}

void sources_add(struct copy *copy, const struct copying *copying, const struct target *target,
		 const char *path)
{
	struct endpoint source;
	struct usrbio_stat st;
	char *name;
	int err;

	if (!strcmp(path, STANDARD) && (!target->dir || target->name)) {
		add_file(copy, target, path, path);
		return;
	}
	if (!strcmp(path, STANDARD)) {
		fail_text("%s: is a directory, and standard input has no name", target->path);
		run_count_failure(copy->run);
		return;
	}
	if (copying->config.links && add_link(copy, copying, target, path))
		return;
	err = copy->side[FROM].fs->stat(path, &st);
	if (reject(path, err, &st, target, copying->recursive)) {
		run_count_failure(copy->run);
		return;
	}
	endpoint_of(path, &source);
	name = copying->contents ? strdup("") : name_in_target(source.rest);
	if (!name)
		exit(fail_text("out of memory"));
	if (S_ISDIR(st.mode))
		add_tree(copy, target, path, name);
	else
		add_file(copy, target, path, name);
	free(name);
}
