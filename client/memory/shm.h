/*
 * Shared memory that another process of the same user can open by an id of 16 bytes. No name of it
 * stays when its creator ends, in whatever way.
 *
 * The memory is a memfd, whose name has the id, size and block size. While the id may be opened,
 * there is a socket that is bound to an abstract address with the same and with process and
 * descriptor. Other processes find the address in /proc/net/unix, and open the memfd through
 * /proc/PID/fd. If that does not lead to it (another network or PID namespace, no Unix sockets),
 * they look for the memfd among the descriptors of all processes that they may see. The kernel
 * removes all of it when the creator ends. A struct shm belongs to its caller, who serialises the
 * calls for it.
 */
#ifndef USRBIO_CLIENT_MEMORY_SHM_H
#define USRBIO_CLIENT_MEMORY_SHM_H

#include <stddef.h>
#include <stdint.h>

struct shm {
	void *base;
	size_t size;   /* the requested size in bytes */
	size_t mapped; /* the size in bytes of the whole pages */
	int name_fd;   /* the bound socket; < 0: there is none */
	int memory_fd; /* the memfd; -1: other processes cannot open it through this one */
};

/*
 * Create `size` bytes of zeroed memory with all pages, on a NUMA node (< 0: any). The caller
 * chooses the id at random. 0; -ENOMEM: the machine has not enough free memory; -EMFILE, ...
 */
int shm_create(struct shm *shm, const uint8_t id[16], size_t size, size_t block_size, int numa);
/*
 * Open an object by its id. 0; -ENOENT: there is none; -EPERM: it belongs to another user; -EINVAL:
 * `size` is 0 or larger than the object; -ENOMEM.
 */
int shm_open_id(struct shm *shm, const uint8_t id[16], size_t size, size_t block_size, int numa);
/* Make the id unknown to other processes. It may be called again. */
void shm_unlink_id(struct shm *shm);
/* Unmap the memory and close the descriptors. */
void shm_close(struct shm *shm);

#endif
