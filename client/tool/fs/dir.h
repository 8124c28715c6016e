/*
 * A directory of a source or target tree, as long as somebody needs it: its name in its parent,
 * and what identifies it. Its descriptor is kept while there is room for it among those of all
 * trees (struct dirs); later it is opened again, from the nearest directory above that is open,
 * component by component, no link followed, and has to be the same directory.
 *
 * Any thread; a node is used while its caller has a reference.
 */
#ifndef USRBIO_TOOL_DIR_H
#define USRBIO_TOOL_DIR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/base/list.h"
#include "client/tool/fs/fs.h"

/* The open descriptors of all trees. */
struct dirs {
	pthread_mutex_t lock;
	struct list idle; /* open and not in use, the longest idle one first */
	unsigned open, max;
};

struct dir {
	struct dirs *dirs;
	const struct fs *fs;
	struct dir *parent; /* has a reference; NULL: the top, always open */
	char *name;	    /* in the parent; the top: as the user wrote it, for messages */
	struct usrbio_id id;
	bool by_link; /* of a source: `name` is a link that leads to it */
	unsigned depth;
	atomic_uint refs;

	int fd;	       /* -1: closed; this and the rest under dirs->lock */
	unsigned pins; /* uses of the descriptor */
	struct list link;

	/* Called when the last reference is dropped, before the node is freed. */
	void (*last)(struct dir *dir, void *arg);
	void *last_arg;
	mode_t mode;	     /* set at the end, if set_mode */
	bool made, set_mode; /* made by this run */
	atomic_bool dirty;   /* it has names that are not synced */
};

void dirs_init(struct dirs *dirs, unsigned max);
void dirs_destroy(struct dirs *dirs);
/* Close all descriptors that are not in use. True if it closed any. */
bool dirs_shrink(struct dirs *dirs);

/* Make a top directory; takes the descriptor over. */
struct dir *dir_top(struct dirs *dirs, const struct fs *fs, const char *path, int fd,
		    const struct usrbio_id *id);
/* Make a directory in another one; takes the descriptor over. */
struct dir *dir_child(struct dir *parent, const char *name, int fd, const struct usrbio_id *id);
struct dir *dir_get(struct dir *dir);
void dir_put(struct dir *dir);

/* Get the descriptor, until dir_release; -ESTALE: there is another directory by that name now. */
int dir_use(struct dir *dir);
/* Get the descriptor, but wait some seconds for descriptors that other threads close. */
int dir_use_patiently(struct dir *dir);
void dir_release(struct dir *dir);

/*
 * Return, for messages, the path of a name in it, or its own if name is NULL. The caller frees it.
 */
char *dir_path(const struct dir *dir, const char *name);

#endif
