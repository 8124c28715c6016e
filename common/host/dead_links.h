/*
 * Dead links: links that programs left in 3fs-virt/iovs. Bindings of 3FS make a symbolic link to
 * /dev/shm/NAME there for each iov that they wrap, and remove it at its end. A killed program
 * leaves it behind.
 */
#ifndef USRBIO_COMMON_HOST_DEAD_LINKS_H
#define USRBIO_COMMON_HOST_DEAD_LINKS_H

/*
 * Remove the links in `iovs` (a directory) that belong to the effective user, if their object in
 * /dev/shm is gone and no process that is readable maps it. (Many programs remove the name of the
 * object as soon as it is mapped.) Nothing is removed if that cannot be known: on a file system
 * that other hosts share, in the PID namespace of a container, or with too many processes. A call
 * removes at most 64 links and reads a limited number of processes. Returns the number of removed
 * links.
 */
unsigned dead_links_sweep(int iovs);

/* Do the same for DIRECTORY/3fs-virt/iovs, without following links below DIRECTORY. */
unsigned dead_links_sweep_below(const char *directory);

#endif
