/*
 * Shared memory that another process of the same user can open by a 16-byte id. It leaves no name
 * behind, however its creator ends.
 *
 * A memfd holds the memory. While the id may be opened, there is a socket bound to an abstract
 * address with the id, process, descriptor, size and block size. /proc/net/unix is the directory of
 * these, /proc/PID/fd gives access, and the kernel removes both when the creator ends.
 */
#ifndef USRBIO_CLIENT_MEMORY_SHM_H
#define USRBIO_CLIENT_MEMORY_SHM_H

#include <stddef.h>
#include <stdint.h>

struct shm {
	void *base;
	size_t size;   /* the requested size */
	size_t mapped; /* in whole pages */
	int name_fd;   /* the bound socket; -1: unlinked, or opened from another process */
	int memory_fd; /* -1 when no other process can open it any more */
};

/*
 * Create size bytes of zeroed memory with all its pages, on a NUMA node (< 0: any). 0; -ENOMEM
 * (more than the machine has free), -EMFILE. The caller draws the id at random.
 */
int shm_create(struct shm *shm, const uint8_t id[16], size_t size, size_t block_size, int numa);
/*
 * Open an object by its id. 0; -ENOENT, -EPERM, -EINVAL (size 0 or larger than the object),
 * -ENOMEM.
 */
int shm_open_id(struct shm *shm, const uint8_t id[16], size_t size, size_t block_size, int numa);
void shm_unlink_id(struct shm *shm); /* repeatable */
void shm_close(struct shm *shm);     /* unmaps */

#endif
