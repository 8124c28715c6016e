/* A number that identifies this machine and reveals nothing else about it. */
#ifndef USRBIO_COMMON_HOST_HOST_H
#define USRBIO_COMMON_HOST_HOST_H

#include <stddef.h>
#include <stdint.h>

/*
 * Return the number for the machine's own files. It is the same in all programs until the next
 * boot, and never 0. If the kernel has no boot id, it is the same in this process only. Any thread.
 */
uint64_t host_id(void);

/*
 * Derive a number from the boot of the machine and `what` (len bytes, at most HOST_BOOT_MAX), for a
 * purpose. It is the same in all programs until the next boot, and never 0. If the kernel has no
 * boot id, a random one of this process takes its place. Any thread.
 */
#define HOST_BOOT_MAX 512
uint64_t host_boot_of(const char *purpose, const void *what, size_t len);

/* Derive a number from `what` (len bytes) in the same way. It is never 0. */
uint64_t host_of(const void *what, size_t len);

#endif
