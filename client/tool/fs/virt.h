/*
 * The directory DIRECTORY/3fs-virt, which attach makes and detach removes. It is reached by
 * descriptors, from directory to directory, so that no link of another user leads elsewhere. The
 * functions report what fails, and return EXIT_FINE or EXIT_FAILED. One thread.
 */
#ifndef USRBIO_TOOL_VIRT_H
#define USRBIO_TOOL_VIRT_H

#include <limits.h>
#include <stdbool.h>

struct virt {
	char path[PATH_MAX];	   /* of DIRECTORY, canonical */
	int dir, virt, iovs;	   /* descriptors of DIRECTORY, 3fs-virt and iovs; -1: not open */
	bool made_virt, made_iovs; /* by virt_make */
};

/* Open DIRECTORY. A symbolic link of another user in its path is not followed. */
int virt_open(struct virt *virt, const char *path);
void virt_close(struct virt *virt);

/* Check that programs would believe a conf in DIRECTORY: no other user may write there. */
int virt_check_directory(const struct virt *virt, const char *url);
/* Make 3fs-virt and iovs, or use what exists if it belongs to root or to the caller. */
int virt_make(struct virt *virt);
/* Write the conf. After an error the old one, if any, is unchanged. */
int virt_write_conf(const struct virt *virt, const char *url);
/* Remove the directories that virt_make has made. */
void virt_unmake(struct virt *virt);

/* Open 3fs-virt and iovs, and check that there is a conf. */
int virt_find(struct virt *virt);
/*
 * Remove the conf, the links in iovs, and both directories. Anything else in them stays, and is an
 * error.
 */
int virt_remove(struct virt *virt);

#endif
