/* A ring for reading, one for writing, and memory for both. One thread at a time. */
#ifndef USRBIO_TESTS_E2E_RW_H
#define USRBIO_TESTS_E2E_RW_H

#include <stddef.h>
#include <stdint.h>

#include "client/hf3fs_usrbio.h"

enum { RW_ENTRIES = 64 }; /* of each ring */

struct rw {
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	char *base; /* of the iov */
};

/* mount: NULL: e2e_mount. */
void rw_open(struct rw *rw, const char *mount, size_t room);
void rw_close(struct rw *rw);

/* One I/O between the file and the start of the memory; its result. */
int64_t rw_read(struct rw *rw, int fd, uint64_t off, size_t len);
int64_t rw_write(struct rw *rw, int fd, uint64_t off, size_t len);

/* Reads that must be whole, and the pattern of a seed; writes of that. */
void rw_expect(struct rw *rw, int fd, uint64_t seed, uint64_t off, size_t len);
void rw_put(struct rw *rw, int fd, uint64_t seed, uint64_t off, size_t len);

#endif
