/*
 * Visits all names of a tree at a server: an object before what is in it. Directories are reached
 * by descriptors, and no link is followed, so that nobody can lead the visitor out of the tree.
 */
#ifndef USRBIO_TOOL_VISIT_H
#define USRBIO_TOOL_VISIT_H

#include <stdbool.h>

#include "client/tool/fs/dir.h"

/* An object of the tree. Its members are valid during the call that gets it. */
struct visited {
	int dir;	       /* the descriptor of its directory; -1: it is the top of the tree */
	const char *name;      /* in `dir`; of the top, its path */
	const char *path;      /* what the user named, and the names below it */
	unsigned depth;	       /* 0: the top */
	struct usrbio_stat st; /* without `attributes`, only the type in st.mode is set */
};

struct visitor {
	bool attributes;    /* `visit` needs all of st */
	unsigned max_depth; /* names below this depth are not visited */
	/* 0; or an exit status, which is part of the result. The contents are visited anyway. */
	int (*visit)(const struct visited *visited, void *arg);
	/* The contents of a directory follow; or NULL. */
	void (*enter)(const struct usrbio_stat *st, unsigned depth, void *arg);
	/* The contents of the directory that was entered last in this depth are over; or NULL. */
	void (*leave)(const char *path, unsigned depth, void *arg);
	void *arg;
};

/*
 * Visit the tree at `path`, which is on a mount. Each error is reported, and other parts of the
 * tree are still visited. EXIT_FINE, or EXIT_FAILED. The main thread.
 */
int visit_tree(const struct visitor *visitor, const char *path);

#endif
