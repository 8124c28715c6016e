/* Makes and removes the mark of a target directory; see mark.h. The walker's thread owns it. */
#include "client/tool/ledger/mark.h"

#include <errno.h>
#include <fcntl.h>

#include "client/tool/base/temp_name.h"

void mark_make(struct mark *mark, struct dir *to)
{
	int dir = dir_use(to), fd = dir;

	*mark = (struct mark){0};
	if (dir < 0)
		return;
	temp_name(mark->name);
	fd = to->fs->openat(dir, mark->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	dir_release(to);
	if (fd < 0)
		return;
	to->fs->close(fd);
	mark->to = dir_get(to);
}

void mark_remove(struct mark *mark)
{
	struct dir *to = mark->to;
	int dir = to ? dir_use(to) : -ENOENT;

	if (dir >= 0) {
		to->fs->unlinkat(dir, mark->name, 0);
		dir_release(to);
	}
	dir_put(to);
	mark->to = NULL;
}
