/*
 * The check whether there is enough memory. It is made before the memory is used, because the
 * kernel kills a process if there is no page for shared memory. Any thread.
 */
#ifndef USRBIO_CLIENT_MEMORY_MEM_AVAIL_H
#define USRBIO_CLIENT_MEMORY_MEM_AVAIL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the machine, and each control group of the process, have `size` bytes and a small reserve
 * left; common/host/group.h says what counts. Other processes may allocate the memory at the same
 * time, so call it again for each part of a large allocation.
 */
bool mem_avail_for(size_t size);

#endif
