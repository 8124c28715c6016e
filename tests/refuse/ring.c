/*
 * A small program with rings: it writes a file and reads it again, and says what failed: the step
 * and its errno. ring MOUNT FILE-URL
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"

#define SIZE 65536

static const char *url;

static void step(const char *what, long result)
{
	char why[512] = "";

	if (result >= 0)
		return;
	usrbio_reason(url, (int)result, why, sizeof(why));
	fprintf(stderr, "ring: %s: %s%s%s\n", what, strerror((int)-result), *why ? ": " : "", why);
	exit(1);
}

static long move(const char *mount, struct hf3fs_iov *iov, int fd, bool read)
{
	struct hf3fs_ior ior;
	struct hf3fs_cqe cqe;
	int n;

	step("iorcreate", hf3fs_iorcreate4(&ior, mount, 4, read, 0, 0, -1, 0));
	step("prep_io", hf3fs_prep_io(&ior, iov, read, iov->base, fd, 0, SIZE, NULL));
	step("submit_ios", hf3fs_submit_ios(&ior));
	n = hf3fs_wait_for_ios(&ior, &cqe, 1, 1, NULL);
	step("wait_for_ios", n < 0 ? n : 0);
	hf3fs_iordestroy(&ior);
	return cqe.result;
}

/* Another process of the same user finds the iov by its id. */
static void share(const char *mount, const struct hf3fs_iov *iov)
{
	struct hf3fs_iov other;
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return;
	if (!pid) {
		int err = hf3fs_iovopen(&other, (uint8_t *)iov->id, mount, SIZE, 0, -1);

		step("iovopen", err);
		_exit(memcmp(other.base, iov->base, SIZE) ? 3 : 0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		exit(1);
}

int main(int argc, char **argv)
{
	struct hf3fs_iov iov;
	int fd;

	if (argc < 3)
		return 2;
	url = argv[2];
	step("iovcreate", hf3fs_iovcreate(&iov, argv[1], SIZE, 0, -1));
	memset(iov.base, 7, SIZE);
	fd = usrbio_open(url, O_RDWR | O_CREAT, 0600);
	step("open", fd);
	step("reg_fd", hf3fs_reg_fd(fd, 0) > 0 ? -1 : 0);
	step("write", move(argv[1], &iov, fd, false));
	memset(iov.base, 0, SIZE);
	step("read", move(argv[1], &iov, fd, true));
	if (((char *)iov.base)[SIZE - 1] != 7) {
		fprintf(stderr, "ring: WRONG DATA\n");
		return 4;
	}
	if (getenv("REFUSE_SHARE"))
		share(argv[1], &iov);
	hf3fs_dereg_fd(fd);
	usrbio_close(fd);
	hf3fs_iovdestroy(&iov);
	return 0;
}
