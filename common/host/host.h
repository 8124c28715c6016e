/* Which machine this is, as a number that says no more about it. */
#ifndef USRBIO_COMMON_HOST_HOST_H
#define USRBIO_COMMON_HOST_HOST_H

#include <stddef.h>
#include <stdint.h>

/*
 * The number of the machine's own files, the same in all its programs until it boots again, and
 * never 0. Where the kernel does not say which boot this is: of this process. Any thread.
 */
uint64_t host_id(void);

/* A number for what only `what` (len bytes) has, in the same way. Never 0. */
uint64_t host_of(const void *what, size_t len);

#endif
