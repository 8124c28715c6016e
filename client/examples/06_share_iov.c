/*
 * Share memory between two processes: a child reads a file into an iov that its parent made.
 *
 *	cc 06_share_iov.c -lusrbio -o share_iov
 *	./share_iov tcp://127.0.0.1/data model.bin >copy.bin
 *
 * The other process only needs the 16 bytes of the id. Rings, iovs and descriptors do not survive a
 * fork: the child makes its own ones, and opens the iov of the parent by its id.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "example.h"

#define ROOM ((size_t)1 << 20)

/* In the child: read the first ROOM bytes of the file. Returns the number of bytes. */
static int64_t fetch(const uint8_t id[16], const char *mount_point, const char *name)
{
	struct hf3fs_iov iov;
	struct hf3fs_ior ring;
	struct hf3fs_cqe done;
	int fd = open_file(mount_point, name, O_RDONLY);

	check(hf3fs_iovopen(&iov, id, mount_point, ROOM, 0, -1), "iov of the parent");
	check(hf3fs_iorcreate4(&ring, mount_point, 1, true, 0, 0, -1, 0), "ring");
	check(hf3fs_prep_io(&ring, &iov, true, iov.base, fd, 0, ROOM, NULL), "prepare");
	check(hf3fs_submit_ios(&ring), "submit");
	check(hf3fs_wait_for_ios(&ring, &done, 1, 1, NULL), "wait");
	hf3fs_iordestroy(&ring);
	hf3fs_iovdestroy(&iov); /* the memory stays mapped in the parent */
	close_file(fd);
	return check(done.result, "read");
}

int main(int argc, char **argv)
{
	struct hf3fs_iov iov;
	int64_t len = 0;
	int pipe_fds[2], status;
	pid_t child;

	if (argc != 3)
		return 2;
	check(hf3fs_iovcreate(&iov, argv[1], ROOM, 0, -1), "iov");
	if (pipe(pipe_fds))
		return 1;
	child = fork();
	if (!child) {
		len = fetch((const uint8_t *)iov.id, argv[1], argv[2]);
		_exit(write(pipe_fds[1], &len, sizeof(len)) != sizeof(len));
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		return 1;
	if (read(pipe_fds[0], &len, sizeof(len)) != sizeof(len))
		return 1;
	fwrite(iov.base, 1, (size_t)len, stdout);
	hf3fs_iovdestroy(&iov);
	return fflush(stdout) != 0;
}
