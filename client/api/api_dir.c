/*
 * The functions of usrbio.h that read directories. The server sends names in groups, and one group
 * is kept. A struct usrbio_dir belongs to the program, which uses it on one thread at a time.
 */
#include "client/usrbio.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/cancel.h"
#include "client/files/file.h"
#include "client/calls/listing.h"
#include "client/files/path.h"

struct usrbio_dir {
	struct file *file; /* a reference, of usrbio_fdopendir; NULL: `place` is valid */
	struct resolved_path place;
	struct answer answer;
	const char *name; /* the next name in the answer */
	size_t index;	  /* names of the answer that have been returned */
	struct listing listing;
};

/* Get the group of names at position `off`; 0: the first one. 0 or -errno. */
static int fetch(struct usrbio_dir *dir, uint64_t off)
{
	struct call call = {.op = CALL_READDIR, .off = off};
	int err;

	if (!off)
		dir->listing = (struct listing){0};
	if (dir->file) {
		err = file_call(dir->file, &call, &dir->answer);
	} else {
		call.path =
			(struct bytes){(const uint8_t *)dir->place.path, strlen(dir->place.path)};
		err = mount_call(dir->place.mount, &call, &dir->answer);
	}
	dir->name = (const char *)dir->answer.reply.names.data;
	dir->index = 0;
	return err ? err : listing_check(&dir->listing, off, &dir->answer.reply);
}

int usrbio_opendir(const char *path, struct usrbio_dir **dir)
{
	NOT_CANCELLED;
	struct usrbio_dir *made = malloc(sizeof(*made));
	int err;

	if (!made)
		return -ENOMEM;
	made->file = NULL;
	err = path_open(path, true, &made->place);
	if (err)
		goto err_free;
	err = fetch(made, 0);
	if (err)
		goto err_place;
	*dir = made;
	return 0;

err_place:
	path_close(&made->place);
err_free:
	free(made);
	return err == -ENOTTY ? -ENOENT : err;
}

int usrbio_fdopendir(int dirfd, struct usrbio_dir **dir)
{
	NOT_CANCELLED;
	struct usrbio_dir *made = malloc(sizeof(*made));
	int err = -EBADF;

	if (!made)
		return -ENOMEM;
	made->file = file_opened(dirfd);
	if (!made->file)
		goto err_free;
	err = fetch(made, 0);
	if (err)
		goto err_file;
	*dir = made;
	return 0;

err_file:
	file_put(made->file);
err_free:
	free(made);
	return err;
}

/* Take the next name out of the answer; false if there is none. */
static bool take(struct usrbio_dir *dir, struct usrbio_dirent *entry)
{
	const struct reply *reply = &dir->answer.reply;
	const char *end = (const char *)reply->names.data + reply->names.len;
	size_t len;

	if (dir->index >= reply->nr_types || dir->name >= end)
		return false;
	len = strnlen(dir->name, (size_t)(end - dir->name));
	entry->name = dir->name;
	entry->type = (uint8_t)reply->types[dir->index++];
	dir->name += len + 1;
	return true;
}

int usrbio_readdir(struct usrbio_dir *dir, struct usrbio_dirent *entry)
{
	NOT_CANCELLED;
	for (;;) {
		uint64_t next = dir->answer.reply.next;
		int err;

		while (take(dir, entry)) {
			if (strcmp(entry->name, ".") && strcmp(entry->name, ".."))
				return 1;
		}
		if (!next)
			return 0;
		err = fetch(dir, next);
		if (err) {
			dir->answer.reply = (struct reply){0};
			return err;
		}
	}
}

void usrbio_closedir(struct usrbio_dir *dir)
{
	NOT_CANCELLED;
	if (!dir)
		return;
	if (dir->file)
		file_put(dir->file);
	else
		path_close(&dir->place);
	free(dir);
}
