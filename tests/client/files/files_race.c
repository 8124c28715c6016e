/* Threads opening, registering, deregistering and closing descriptors while others look them up:
 * every file found was opened under the number it was found by, and in the end nothing is held. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/files/file.h"
#include "client/usrbio.h"
#include "files_fake.h"

/* Give others their turn where file.c holds a pointer it may not trust yet. */
#undef atomic_compare_exchange_weak
#define atomic_compare_exchange_weak(object, expected, desired)                                 \
	(sched_yield(),                                                                         \
	 atomic_compare_exchange_weak_explicit(object, expected, desired, memory_order_seq_cst, \
					       memory_order_seq_cst))
#include "client/files/file.c"

#define CHANGERS 2
#define READERS	 2
#define KEPT	 3 /* descriptors of one changer */
#define ROUNDS	 20000
#define HANDLES	 (CHANGERS * (ROUNDS + KEPT) + 1)
#define FDS	 64

static atomic_int running = CHANGERS;
static atomic_ulong found;
static atomic_int owner[HANDLES]; /* the descriptor that got this handle */

static void die(const char *what)
{
	fprintf(stderr, "files_race: %s\n", what);
	exit(1);
}

static int begin(void)
{
	int fd = usrbio_open("tcp://h/e/file", O_RDWR, 0);
	struct file *file = file_opened(fd);

	if (!file)
		die("a new descriptor is none of ours");
	owner[file->remote.handle] = fd;
	file_put(file);
	if (file_register(fd))
		die("a new descriptor cannot be registered");
	return fd;
}

static void end(int fd)
{
	file_deregister(fd); /* while the number is ours */
	if (usrbio_close(fd))
		die("a descriptor cannot be closed");
}

static void *change(void *arg)
{
	unsigned seed = *(unsigned *)arg;
	int fd[KEPT];

	for (int i = 0; i < KEPT; i++)
		fd[i] = begin();
	for (int i = 0; i < ROUNDS; i++) {
		int *one = &fd[rand_r(&seed) % KEPT];

		end(*one);
		*one = begin();
	}
	for (int i = 0; i < KEPT; i++)
		end(fd[i]);
	running--;
	return NULL;
}

static void *look(void *arg)
{
	unsigned seed = *(unsigned *)arg;

	while (running) {
		int fd = (int)(rand_r(&seed) % FDS);
		struct file *file = file_registered(-fd);

		if (!file)
			continue;
		if (file->remote.session != 7 || owner[file->remote.handle] != fd)
			die("another file under this number");
		found++;
		file_put(file);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread[CHANGERS + READERS];
	unsigned seed[CHANGERS + READERS];

	fake_reset();
	fake.quiet = true;
	for (unsigned i = 0; i < CHANGERS + READERS; i++) {
		seed[i] = i + 1;
		if (pthread_create(&thread[i], NULL, i < CHANGERS ? change : look, &seed[i]))
			die("no threads");
	}
	for (int i = 0; i < CHANGERS + READERS; i++)
		pthread_join(thread[i], NULL);
	if (!found)
		die("nothing was ever found");
	if (fake.handles || fake.mounts || fake.reserved)
		die("something is still held");
	printf("%lu files found\n", (unsigned long)found);
	return 0;
}
