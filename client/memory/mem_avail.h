/*
 * The check whether there is enough memory. It comes before the memory is touched, because the
 * kernel reports a lack of shared memory by killing a process.
 */
#ifndef USRBIO_CLIENT_MEMORY_MEM_AVAIL_H
#define USRBIO_CLIENT_MEMORY_MEM_AVAIL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the free memory of the machine, and what the control groups of the process leave, cover
 * `size` and a small reserve (common/host/group.h says what counts). True is no promise against
 * others who allocate at the same time: ask again for each part of a large allocation.
 */
bool mem_avail_for(size_t size);

#endif
