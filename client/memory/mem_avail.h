/*
 * Is there memory for so many bytes? Asked before touching them, because the kernel's own way of
 * saying no to shared memory is to kill a process.
 */
#ifndef USRBIO_CLIENT_MEMORY_MEM_AVAIL_H
#define USRBIO_CLIENT_MEMORY_MEM_AVAIL_H

#include <stdbool.h>
#include <stddef.h>

/* What the machine and our control group (v2) have left covers `size` and a small reserve. */
bool mem_avail_for(size_t size);

#endif
