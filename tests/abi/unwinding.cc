// A C++ program whose thread is cancelled while it waits: its destructors run, and others go on.
// Compiled as C++17 by `check`, against the installed headers alone. usage: unwinding DIRECTORY
#include <hf3fs_usrbio.h>
#include <pthread.h>
#include <usrbio.h>

#include <cstdio>
#include <fcntl.h>
#include <string>

namespace {

struct hf3fs_ior ring;
int destroyed;

struct guard {
	~guard()
	{
		destroyed++;
	}
};

void *wait_for_ever(void *)
{
	guard on_stack;
	struct hf3fs_cqe cqe;

	hf3fs_wait_for_ios(&ring, &cqe, 1, 1, nullptr);
	return nullptr;
}

bool is_cancelled(pthread_t thread)
{
	void *result;

	return !pthread_cancel(thread) && !pthread_join(thread, &result) &&
	       result == PTHREAD_CANCELED;
}

} // namespace

int main(int, char **argv)
{
	const std::string mount = "loop://" + std::string(argv[1]) + "?";
	const std::string url = mount + "/file";
	struct hf3fs_iov iov;
	struct hf3fs_cqe cqe;
	pthread_t threads[4];
	int fd = usrbio_open(url.c_str(), O_RDWR | O_CREAT, 0644), failed = 0;

	if (fd < 0 || hf3fs_reg_fd(fd, 0) > 0 ||
	    hf3fs_iovcreate(&iov, mount.c_str(), 4096, 0, -1) ||
	    hf3fs_iorcreate(&ring, mount.c_str(), 4, false, 0, -1))
		return 1;
	for (pthread_t &thread : threads)
		failed |= pthread_create(&thread, nullptr, wait_for_ever, nullptr);
	for (pthread_t thread : threads)
		failed |= !is_cancelled(thread);
	failed |= destroyed != 4;
	failed |= hf3fs_prep_io(&ring, &iov, false, iov.base, fd, 0, 4096, nullptr) < 0;
	failed |= hf3fs_submit_ios(&ring);
	failed |= hf3fs_wait_for_ios(&ring, &cqe, 1, 1, nullptr) != 1 || cqe.result != 4096;
	hf3fs_iordestroy(&ring);
	hf3fs_iovdestroy(&iov);
	hf3fs_dereg_fd(fd);
	usrbio_close(fd);
	if (failed)
		std::printf("%d destructors ran\n", destroyed);
	return failed;
}
