/*
 * The check whether there is enough memory. It comes before the memory is touched, because the
 * kernel reports a lack of shared memory by killing a process.
 */
#ifndef USRBIO_CLIENT_MEMORY_MEM_AVAIL_H
#define USRBIO_CLIENT_MEMORY_MEM_AVAIL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the free memory of the machine and of our control group (v2) covers `size` and a small
 * reserve.
 */
bool mem_avail_for(size_t size);

#endif
