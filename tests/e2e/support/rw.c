/* A pair of rings and their memory. What fails here ends the process. */
#include "tests/e2e/support/rw.h"

#include "tests/e2e/support/io.h"
#include "tests/support/must.h"
#include "tests/support/pattern.h"

void rw_open(struct rw *rw, const char *mount, size_t room)
{
	ring_make(&rw->reads, mount, true, RW_ENTRIES);
	ring_make(&rw->writes, mount, false, RW_ENTRIES);
	iov_make(&rw->iov, mount, room);
	rw->base = (char *)rw->iov.base;
}

void rw_close(struct rw *rw)
{
	hf3fs_iordestroy(&rw->reads);
	hf3fs_iordestroy(&rw->writes);
	hf3fs_iovdestroy(&rw->iov);
}

int64_t rw_read(struct rw *rw, int fd, uint64_t off, size_t len)
{
	return ring_io(&rw->reads, &rw->iov, rw->base, fd, off, len);
}

int64_t rw_write(struct rw *rw, int fd, uint64_t off, size_t len)
{
	return ring_io(&rw->writes, &rw->iov, rw->base, fd, off, len);
}

void rw_expect(struct rw *rw, int fd, uint64_t seed, uint64_t off, size_t len)
{
	int64_t result = rw_read(rw, fd, off, len);
	ssize_t at;

	must(result == (int64_t)len, "%zu bytes at %lu: %ld", len, off, (long)result);
	at = pattern_diff(rw->base, len, seed, off);
	must(at < 0, "not the pattern %lu at %lu", seed, off + at);
}

void rw_put(struct rw *rw, int fd, uint64_t seed, uint64_t off, size_t len)
{
	int64_t result;

	pattern_fill(rw->base, len, seed, off);
	result = rw_write(rw, fd, off, len);
	must(result == (int64_t)len, "%zu bytes at %lu: %ld", len, off, (long)result);
}
