/*
 * Checks of names and flags that every store makes. This code has no state and owns nothing. Any
 * thread may call it.
 */
#include "server/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/text.h"
#include "proto/name.h"
#include "server/base/verifier.h"

int store_check_open(const struct store *store, uint32_t flags)
{
	if (!(flags & (OPEN_READ | OPEN_WRITE)) || flags & ~(OPEN_FLAGS_ALL | STORE_PROVEN))
		return -EINVAL;
	if (flags & OPEN_TRUNCATE && !(flags & OPEN_WRITE))
		return -EINVAL;
	if (flags & OPEN_DIRECTORY && flags & OPEN_CREATE)
		return -EINVAL;
	if (flags & OPEN_FOLLOW && flags & OPEN_NOFOLLOW)
		return -EINVAL;
	if (store->read_only && flags & (OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE))
		return -EROFS;
	return 0;
}

int store_check_name(const struct store_file *at, const char *name)
{
	size_t len;

	if (!at)
		return 0;
	if (at->regular)
		return -ENOTDIR;
	len = strlen(name);
	if (!name_is_plain(name, len))
		return -EINVAL;
	return len > PROTO_NAME_MAX ? -ENAMETOOLONG : 0;
}

bool store_name_reserved(const char *name, size_t len, bool in_root)
{
	static const char everywhere[] = "3fs-virt", root[] = ".usrbio";

	if (len == sizeof(everywhere) - 1)
		return !strncasecmp(name, everywhere, len);
	return in_root && len == sizeof(root) - 1 && !strncasecmp(name, root, len);
}

void store_use_verifier(struct store *store, struct verifier *verifier)
{
	for (; store; store = store->inner)
		store->verifier = verifier;
}

void store_lost(struct store *store)
{
	if (store->verifier)
		verifier_lost(store->verifier);
}

/* Three errors mean that the file has nothing to sync, or that the call was interrupted. */
bool store_sync_lost(int err)
{
	return err && err != -EINVAL && err != -EROFS && err != -EINTR;
}

void store_describe(struct store_file *file, char *text, size_t size)
{
	if (file->store->ops->describe_file)
		file->store->ops->describe_file(file, text, size);
	else
		snprintf(text, size, "(a file of a %s store)", file->store->ops->name);
	text_mask(text, strlen(text));
}

void store_stat_paths(struct store *store, const char *paths, size_t n, bool nofollow,
		      struct attr_row *rows)
{
	if (store->ops->stat_paths) {
		store->ops->stat_paths(store, paths, n, nofollow, rows);
		return;
	}
	for (size_t i = 0; i < n; i++, paths += strlen(paths) + 1) {
		struct file_attr attr;
		int err = store->ops->stat_path(store, NULL, paths, nofollow, &attr);

		rows[i] = attr_to_row(err, &attr);
	}
}
