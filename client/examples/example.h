/* The functions that the examples share: one checks results, one opens a file. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <fcntl.h>
#include <hf3fs_usrbio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <usrbio.h>

/* Return a result of the library; if it is -errno, report it and end the program. */
static inline int64_t check(int64_t result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror((int)-result));
		exit(1);
	}
	return result;
}

/* Open a file of a mount, and register it for its rings. With O_CREAT its mode is 0644. */
static inline int open_file(const char *mount_point, const char *name, int flags)
{
	char path[4096];
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", mount_point, name);
	fd = (int)check(usrbio_open(path, flags, 0644), path);
	err = hf3fs_reg_fd(fd, 0);
	if (err > 0) /* hf3fs_reg_fd returns +errno */
		check(-err, path);
	return fd;
}

static inline void close_file(int fd)
{
	hf3fs_dereg_fd(fd);
	usrbio_close(fd);
}

#endif
