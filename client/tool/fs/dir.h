/*
 * A directory of a source or target tree: its name in its parent, and its identity. It lives while
 * somebody holds a reference to it.
 *
 * All trees together may have a limited number of open descriptors (struct dirs). A directory that
 * is not in use may lose its descriptor. It is then opened again from the nearest directory above
 * that is open, component by component, and must have the same identity. No link is followed,
 * except one in a source that the copy has followed before (by_link).
 *
 * Any thread may use a node to which it holds a reference.
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
	struct list idle;   /* nodes with an open descriptor that nobody uses; the oldest first */
	unsigned open, max; /* descriptors; those of top directories do not count */
};

struct dir {
	struct dirs *dirs;
	const struct fs *fs;
	struct dir *parent; /* the node holds a reference; NULL: a top directory, always open */
	char *name;	    /* in the parent; of a top directory the path that the user wrote */
	struct usrbio_id id;
	bool by_link;	/* the name in the source is a symbolic link to this directory */
	unsigned depth; /* directories above it in the tree; 0: the top */
	atomic_uint refs;

	int fd;		  /* -1: closed; under dirs->lock, like pins and link */
	unsigned pins;	  /* calls of dir_use without their dir_release */
	struct list link; /* in dirs->idle, or in no list */

	/* Called by the thread that drops the last reference, before the node is freed; or NULL. */
	void (*last)(struct dir *dir, void *arg);
	void *last_arg;
	mode_t mode;		  /* the final mode of a target directory */
	bool made;		  /* this run of cp has made the directory */
	bool set_mode;		  /* `mode` has to be set when the directory is complete */
	bool keep;		  /* all attributes of `model` have to be set then */
	struct usrbio_stat model; /* of its source */
	atomic_bool dirty;	  /* names in it were made or changed and are not synced */
};

/* Allow `max` open descriptors, besides those of top directories. */
void dirs_init(struct dirs *dirs, unsigned max);
/* Destroy it when no node is left. */
void dirs_destroy(struct dirs *dirs);
/* Close all descriptors that are not in use. True if any was closed. */
bool dirs_shrink(struct dirs *dirs);

/*
 * Make a node for a directory that the user named by `path`. The node owns the descriptor. Returns
 * the first reference; ends the program if there is no memory, as dir_child does.
 */
struct dir *dir_top(struct dirs *dirs, const struct fs *fs, const char *path, int fd,
		    const struct usrbio_id *id);
/* Make a node for a directory in `parent`; the node owns the descriptor. Returns a reference. */
struct dir *dir_child(struct dir *parent, const char *name, int fd, const struct usrbio_id *id);
/* Take one more reference; returns dir. */
struct dir *dir_get(struct dir *dir);
/* Drop a reference; the last one frees the node. Accepts NULL. */
void dir_put(struct dir *dir);

/*
 * Get the descriptor, which stays open until dir_release. -ESTALE: another object has the name of
 * this directory, or of one above it, now. Other errors are -errno of opening.
 */
int dir_use(struct dir *dir);
/* The same, but on -EMFILE and -ENFILE try again for two seconds: other threads close files. */
int dir_use_patiently(struct dir *dir);
void dir_release(struct dir *dir);

/*
 * Return the path of `name` in the directory, for messages; NULL: of the directory itself. The
 * caller frees it.
 */
char *dir_path(const struct dir *dir, const char *name);

#endif
