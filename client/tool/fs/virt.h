/*
 * DIRECTORY/3fs-virt, as attach makes it and detach removes it: by descriptors, from directory to
 * directory, so that no link that somebody plants leads elsewhere. Functions say what fails, and
 * return EXIT_FINE or EXIT_FAILED.
 */
#ifndef USRBIO_TOOL_VIRT_H
#define USRBIO_TOOL_VIRT_H

#include <limits.h>
#include <stdbool.h>

struct virt {
	char path[PATH_MAX]; /* of DIRECTORY, canonical */
	int dir, virt, iovs; /* -1: not open */
	bool made_virt, made_iovs;
};

/* Open DIRECTORY; no link of another user's is followed. */
int virt_open(struct virt *virt, const char *path);
void virt_close(struct virt *virt);

/* Would programs believe a conf in it? */
int virt_check_directory(const struct virt *virt, const char *url);
/* Make 3fs-virt and iovs, or take what is there if it is root's or our own. */
int virt_make(struct virt *virt);
/* Write the conf: whole or not at all. */
int virt_write_conf(const struct virt *virt, const char *url);
/* Remove the directories that virt_make has made. */
void virt_unmake(struct virt *virt);

/* Open what attach has made. */
int virt_find(struct virt *virt);
/* Remove it, and the links in iovs; anything else in it stays, and is an error. */
int virt_remove(struct virt *virt);

#endif
