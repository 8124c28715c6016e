/*
 * The ring API in the few shapes the tests need, and files by name: read and written behind the
 * library's back where they are on this machine, through it where they are not. Any thread. What
 * fails here ends the process.
 */
#ifndef USRBIO_TESTS_E2E_IO_H
#define USRBIO_TESTS_E2E_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"

/* On a mount point; NULL: e2e_mount. */
void ring_make(struct hf3fs_ior *ior, const char *mount, bool for_read, int entries);
void iov_make(struct hf3fs_iov *iov, const char *mount, size_t size);
/* usrbio_open and hf3fs_reg_fd of a URL; usrbio_close and hf3fs_dereg_fd. */
int file_reg(const char *url, int flags);
void file_unreg(int fd);

/* One I/O in the ring's direction, from prep to its result. */
int64_t ring_io(const struct hf3fs_ior *ior, const struct hf3fs_iov *iov, void *ptr, int fd,
		uint64_t off, uint64_t len);
/* prep_io that must succeed: its slot. */
int ring_prep(const struct hf3fs_ior *ior, const struct hf3fs_iov *iov, void *ptr, int fd,
	      uint64_t off, uint64_t len, const void *userdata);
void ring_submit(const struct hf3fs_ior *ior);
/* Wait for n completions, however long it takes. */
void ring_wait(const struct hf3fs_ior *ior, struct hf3fs_cqe *cqes, int n);
/* CLOCK_REALTIME now and ms milliseconds. */
struct timespec deadline_in(int ms);

/* Files of the writable export by name. */
void file_write(const char *name, const void *buf, size_t len, uint64_t off);
void file_read(const char *name, void *buf, size_t len, uint64_t off);
uint64_t file_size(const char *name);
/* Content of the pattern, from offset 0. */
void file_make(const char *name, uint64_t seed, uint64_t size);
/* That [off, off + len) is the pattern's, or zero. */
void file_check(const char *name, uint64_t seed, uint64_t off, uint64_t len);
void file_check_zero(const char *name, uint64_t off, uint64_t len);

#endif
