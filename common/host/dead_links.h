/*
 * Links that programs left in 3fs-virt/iovs. Bindings of 3FS make a symbolic link to /dev/shm/NAME
 * there for each iov they wrap, and remove it when they end; a killed one does not. No state.
 */
#ifndef USRBIO_COMMON_HOST_DEAD_LINKS_H
#define USRBIO_COMMON_HOST_DEAD_LINKS_H

/*
 * Remove the links in `iovs` (a directory) that are the effective user's, whose object in /dev/shm
 * is gone, and whose object no process maps that we may look at: many programs remove the object's
 * name themselves, as soon as it is mapped. Nothing is removed where that cannot be known: on a
 * file system that other hosts share, in a container's process namespace, or with too many
 * processes to look at. At most 64 links at a time, and a bounded number of processes. The number
 * removed.
 */
unsigned dead_links_sweep(int iovs);

/* The same for DIRECTORY/3fs-virt/iovs, without following links below DIRECTORY. */
unsigned dead_links_sweep_below(const char *directory);

#endif
