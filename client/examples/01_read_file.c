/*
 * The shortest whole program: read the first 4 KiB of a file.
 *
 *	cc 01_read_file.c -lusrbio -o read_file
 *	./read_file tcp://127.0.0.1/data /hello.txt
 */
#include <fcntl.h>
#include <hf3fs_usrbio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <usrbio.h>

/* Most calls return -errno when they fail. */
static int must(const char *what, int64_t result)
{
	if (result >= 0)
		return (int)result;
	fprintf(stderr, "%s: %s\n", what, strerror((int)-result));
	exit(1);
}

int main(int argc, char **argv)
{
	struct hf3fs_iov iov;
	struct hf3fs_ior ring;
	struct hf3fs_cqe done;
	char path[4096];
	int fd;

	if (argc != 3)
		return 2;
	snprintf(path, sizeof(path), "%s/%s", argv[1], argv[2]);
	fd = must(path, usrbio_open(path, O_RDONLY, 0));
	must("register the file", -hf3fs_reg_fd(fd, 0)); /* this one returns +errno */
	must("make an iov", hf3fs_iovcreate(&iov, argv[1], 4096, 0, -1));
	must("make a ring", hf3fs_iorcreate4(&ring, argv[1], 1, true, 0, 0, -1, 0));

	/* Check each result: if preparing has failed, there is no I/O, and the wait never ends. */
	must("prepare", hf3fs_prep_io(&ring, &iov, true, iov.base, fd, 0, 4096, NULL));
	must("submit", hf3fs_submit_ios(&ring));
	must("wait", hf3fs_wait_for_ios(&ring, &done, 1, 1, NULL));
	fwrite(iov.base, 1, (size_t)must("read", done.result), stdout);

	hf3fs_iordestroy(&ring);
	hf3fs_iovdestroy(&iov);
	hf3fs_dereg_fd(fd);
	usrbio_close(fd);
	return 0;
}
