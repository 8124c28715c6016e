/*
 * Write standard input into a file, and make sure that it is on the server's disk.
 *
 *	cc 02_write_file.c -lusrbio -o write_file
 *	echo hello | ./write_file tcp://127.0.0.1/data hello.txt
 */
#include "example.h"

#define ROOM ((size_t)1 << 20)

int main(int argc, char **argv)
{
	struct hf3fs_iov iov;
	struct hf3fs_ior ring;
	struct hf3fs_cqe done;
	uint64_t off = 0;
	size_t len;
	int fd;

	if (argc != 3)
		return 2;
	fd = open_file(argv[1], argv[2], O_WRONLY | O_CREAT | O_TRUNC);
	check(hf3fs_iovcreate(&iov, argv[1], ROOM, 0, -1), "iov");
	check(hf3fs_iorcreate4(&ring, argv[1], 1, false, 0, 0, -1, 0), "ring");

	while ((len = fread(iov.base, 1, ROOM, stdin)) > 0) {
		check(hf3fs_prep_io(&ring, &iov, false, iov.base, fd, off, len, NULL), "prepare");
		check(hf3fs_submit_ios(&ring), "submit");
		check(hf3fs_wait_for_ios(&ring, &done, 1, 1, NULL), "wait");
		check(done.result, "write"); /* a write is complete, or an error */
		off += len;
	}
	check(usrbio_fsync(fd), "fsync");

	hf3fs_iordestroy(&ring);
	hf3fs_iovdestroy(&iov);
	close_file(fd);
	return 0;
}
