/*
 * One thread sleeps in epoll until completions, or other events, have come.
 *
 *	cc 09_event_loop.c -lusrbio -o event_loop
 *	./event_loop tcp://127.0.0.1/data model.bin
 *
 * usrbio_ring_fd returns a descriptor that is readable while completions of the ring wait. A timer
 * stands for the other events of the program.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "example.h"

#define DEPTH 32
#define BLOCK ((size_t)65536)

static struct hf3fs_iov iov;
static struct hf3fs_ior ring;

/* Return the result of a system call; a failure ends the program. */
static int sys(int64_t result, const char *what)
{
	return (int)check(result < 0 ? -errno : result, what);
}

static void start(uint8_t *memory, int fd, uint64_t off)
{
	check(hf3fs_prep_io(&ring, &iov, true, memory, fd, off, BLOCK, memory), "prepare");
}

static void watch(int poller, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	sys(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event), "watch");
}

static int make_timer(void)
{
	const struct itimerspec times = {.it_interval.tv_nsec = 100000000,
					 .it_value.tv_nsec = 100000000};
	int timer = sys(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timer");

	sys(timerfd_settime(timer, 0, &times, NULL), "timer");
	return timer;
}

int main(int argc, char **argv)
{
	uint64_t next = 0, len = 0, expirations, tenths = 0;
	struct hf3fs_cqe done[DEPTH];
	struct epoll_event event;
	int under_way = DEPTH, fd, n, poller, ready, timer;

	if (argc != 3)
		return 2;
	fd = open_file(argv[1], argv[2], O_RDONLY);
	check(hf3fs_iovcreate(&iov, argv[1], DEPTH * BLOCK, BLOCK, -1), "iov");
	check(hf3fs_iorcreate4(&ring, argv[1], DEPTH, true, 0, 0, -1, 0), "ring");
	ready = (int)check(usrbio_ring_fd(&ring), "descriptor");
	timer = make_timer();
	poller = sys(epoll_create1(EPOLL_CLOEXEC), "epoll");
	watch(poller, ready);
	watch(poller, timer);

	for (int i = 0; i < DEPTH; i++, next += BLOCK)
		start(iov.base + (size_t)i * BLOCK, fd, next);
	while (under_way) {
		check(hf3fs_submit_ios(&ring), "submit");
		sys(epoll_wait(poller, &event, 1, -1), "sleep");
		if (event.data.fd == timer) {
			sys(read(timer, &expirations, sizeof(expirations)), "timer");
			tenths += expirations;
			continue;
		}
		n = (int)check(hf3fs_wait_for_ios(&ring, done, DEPTH, 0, NULL), "collect");
		for (int i = 0; i < n; i++) {
			len += (uint64_t)check(done[i].result, "read");
			if (done[i].result == (int64_t)BLOCK) {
				start((uint8_t *)(uintptr_t)done[i].userdata, fd, next);
				next += BLOCK;
			} else {
				under_way--; /* the end of the file */
			}
		}
	}
	printf("%llu bytes\n", (unsigned long long)len);
	fprintf(stderr, "%llu tenths of a second\n", (unsigned long long)tenths);

	hf3fs_iordestroy(&ring); /* closes its descriptor, too */
	hf3fs_iovdestroy(&iov);
	close(timer);
	close(poller);
	close_file(fd);
	return 0;
}
