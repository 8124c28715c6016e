/* Descriptors of usrbio_open and registrations: who holds what, and until when. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/files/file.h"
#include "client/usrbio.h"
#include "files_fake.h"

TestSuite(table, .init = fake_reset);

static int open_one(void)
{
	int fd = usrbio_open("tcp://h/e/file", O_RDWR, 0);

	cr_assert_geq(fd, 0);
	return fd;
}

static bool is_registered(int fd)
{
	struct file *file = file_registered(fd);

	if (file)
		file_put(file);
	return file;
}

static bool is_opened(int fd)
{
	struct file *file = file_opened(fd);

	if (file)
		file_put(file);
	return file;
}

Test(table, open_and_close)
{
	int fd = open_one();
	char byte;

	cr_expect(is_opened(fd));
	cr_expect_eq(fake.handles, 1);
	cr_expect_eq(fake.reserved, 1);
	cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	cr_expect_eq(read(fd, &byte, 1), -1);
	cr_expect_eq(write(fd, "x", 1), -1);
	cr_expect_eq(usrbio_close(fd), 0);
	cr_expect_eq(fcntl(fd, F_GETFD), -1);
	cr_expect_eq(fake.handles, 0);
	cr_expect_eq(fake.reserved, 0);
	cr_expect_eq(fake.mounts, 0);
	cr_expect_eq(usrbio_close(fd), -EBADF);
}

Test(table, numbers_of_nobody)
{
	static const int numbers[] = {-1, INT_MIN, INT_MAX, 0, 1000000};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		cr_expect_not(is_opened(numbers[i]));
		cr_expect_not(is_registered(numbers[i]));
		cr_expect_eq(usrbio_close(numbers[i]), -EBADF);
		file_deregister(numbers[i]);
	}
}

Test(table, a_failed_open_holds_nothing)
{
	fake.status = -EACCES;
	cr_expect_eq(usrbio_open("tcp://h/e/file", O_RDWR, 0), -EACCES);
	cr_expect_eq(fake.reserved, 0);
	cr_expect_eq(fake.mounts, 0);
}

Test(table, no_descriptor_left)
{
	struct rlimit limit = {0, 0};
	int before;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	before = (int)limit.rlim_cur;
	limit.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(usrbio_open("tcp://h/e/file", O_RDWR, 0), -EMFILE);
	limit.rlim_cur = (rlim_t)before;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(fake.handles, 0);
	cr_expect_eq(fake.reserved, 0);
	cr_expect_eq(fake.mounts, 0);
}

Test(table, a_number_closed_behind_our_back)
{
	int fd = open_one(), other;

	close(fd);
	cr_expect_not(is_opened(fd));
	cr_expect_eq(fake.handles, 0);
	cr_expect_eq(fake.reserved, 0);
	other = open_one();
	cr_assert_eq(other, fd, "the kernel gives the lowest");
	close(fd);
	cr_assert_eq(socket(AF_UNIX, SOCK_STREAM, 0), fd);
	cr_expect_not(is_opened(fd), "another socket under our number");
	cr_expect_eq(usrbio_close(fd), -EBADF);
	cr_expect_eq(close(fd), 0, "and it was not closed");
	other = open_one();
	close(other);
	other = open_one(); /* over a slot nobody emptied */
	cr_expect_eq(fake.handles, 1);
	cr_expect_eq(fake.reserved, 1);
	cr_expect_eq(usrbio_close(other), 0);
	cr_expect_eq(fake.mounts, 0);
}

Test(table, a_registration_outlives_its_descriptor)
{
	int fd = open_one(), again;

	cr_expect_eq(file_register(fd), 0);
	cr_expect_eq(file_register(fd), -EINVAL);
	cr_expect_eq(usrbio_close(fd), 0);
	cr_expect_eq(fake.handles, 1);
	cr_expect_eq(fake.reserved, 1);
	cr_expect(is_registered(fd));
	cr_expect(is_registered(-fd));
	cr_expect_eq(file_register(fd), -EINVAL, "closed, and registered still");
	again = open_one();
	cr_assert_eq(again, fd);
	cr_expect_eq(file_register(fd), -EINVAL, "used again, and registered still");
	file_deregister(fd);
	cr_expect_eq(fake.handles, 1);
	cr_expect_eq(fake.reserved, 1);
	cr_expect_not(is_registered(fd));
	cr_expect_eq(file_register(fd), 0);
	file_deregister(-fd);
	file_deregister(fd);
	cr_expect_eq(usrbio_close(fd), 0);
	cr_expect_eq(fake.handles, 0);
	cr_expect_eq(fake.reserved, 0);
	cr_expect_eq(fake.mounts, 0);
}

Test(table, io_under_way_keeps_the_file)
{
	int fd = open_one();
	struct file *file;

	cr_assert_eq(file_register(fd), 0);
	file = file_registered(-fd);
	cr_assert(file);
	cr_expect_eq(file->flags, OPEN_READ | OPEN_WRITE);
	cr_expect(file->regular);
	cr_expect_eq(file->remote.session, 7);
	file_deregister(fd);
	usrbio_close(fd);
	cr_expect_eq(fake.handles, 1);
	cr_expect_eq(fake.reserved, 1);
	file_put(file);
	cr_expect_eq(fake.handles, 0);
	cr_expect_eq(fake.reserved, 0);
	cr_expect_eq(fake.mounts, 0);
}

Test(table, many_descriptors)
{
	int fds[5000];
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 5000; i++) {
		fds[i] = open_one();
		cr_assert_eq(file_register(fds[i]), 0);
	}
	cr_expect_eq(fake.handles, 5000);
	cr_expect_eq(fake.reserved, 5000);
	for (int i = 0; i < 5000; i++) {
		cr_assert(is_registered(fds[i]));
		file_deregister(fds[i]);
		cr_assert_eq(usrbio_close(fds[i]), 0);
	}
	cr_expect_eq(fake.handles, 0);
	cr_expect_eq(fake.reserved, 0);
	cr_expect_eq(fake.mounts, 0);
}

Test(table, a_forked_child_has_none)
{
	int fd = open_one(), status;
	pid_t pid;

	cr_assert_eq(file_register(fd), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (!pid) {
		int own;

		if (is_registered(fd) || is_opened(fd) || fake.handles != 1)
			_exit(1);
		own = usrbio_open("tcp://h/e/file", O_RDONLY, 0);
		_exit(own < 0 || file_register(own) || !is_registered(own));
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	cr_expect(is_registered(fd));
	cr_expect(is_opened(fd));
}
