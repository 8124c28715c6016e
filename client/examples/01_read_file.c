/*
 * The shortest whole program: read the first 4 KiB of a file.
 *
 *	cc 01_read_file.c -lusrbio -o read_file
 *	./read_file tcp://127.0.0.1/data /hello.txt
 */
#include <fcntl.h>
#include <hf3fs_usrbio.h>
#include <stdio.h>
#include <usrbio.h>

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
	fd = usrbio_open(path, O_RDONLY, 0);
	if (fd < 0 || hf3fs_reg_fd(fd, 0) > 0)
		return 1;
	if (hf3fs_iovcreate(&iov, argv[1], 4096, 0, -1) ||
	    hf3fs_iorcreate4(&ring, argv[1], 1, true, 0, 0, -1, 0))
		return 1;

	hf3fs_prep_io(&ring, &iov, true, iov.base, fd, 0, 4096, NULL);
	hf3fs_submit_ios(&ring);
	hf3fs_wait_for_ios(&ring, &done, 1, 1, NULL);
	if (done.result > 0)
		fwrite(iov.base, 1, (size_t)done.result, stdout);

	hf3fs_iordestroy(&ring);
	hf3fs_iovdestroy(&iov);
	hf3fs_dereg_fd(fd);
	usrbio_close(fd);
	return done.result < 0;
}
