/*
 * The two tables from descriptors to files. The process owns them; any thread. A slot owns one
 * reference to its file, and the thread that takes the pointer out of the slot by an atomic
 * exchange puts that reference.
 *
 * A placeholder descriptor is an unconnected socket. It has its own inode, which reveals that a
 * number was closed and used again. Reading or writing it is an error.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/files/fileobj.h"
#include "client/files/kernelfd.h"
#include "common/base/fork.h"
#include "common/base/log.h"

static struct fd_table opened;
static struct fd_table registered;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* Forget all files in a child of fork(), which has none of its parent's. */
static void forget(void)
{
	fd_table_forget(&opened);
	fd_table_forget(&registered);
}

static void watch(void)
{
	fork_watch(forget);
}

/* Empty a slot, and put its file, if that is `expected` (NULL: any file). True if it was. */
static bool vacate(struct fd_slot *slot, struct file *expected)
{
	void *held = expected ? fileobj_of(expected) : NULL;

	if (!expected)
		held = atomic_exchange(&slot->pointer, NULL);
	else if (!atomic_compare_exchange_strong(&slot->pointer, &held, NULL))
		return false;
	if (held)
		file_put(&((struct fileobj *)held)->file);
	return true;
}

/*
 * Make a descriptor that stands for a file: a socket that is never connected, so that reading and
 * writing fail. Any family will do, because a process may be refused one. Returns it or -errno.
 */
static int make_placeholder(void)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
	int fd = -1, err;

	for (int i = 0; i < 3 && fd < 0; i++)
		fd = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		return fd;
	err = -errno;
	if (err == -EMFILE || err == -ENFILE)
		return -EMFILE;
	log_warn("cannot make a descriptor for a file: socket: %s", strerror(-err));
	return err;
}

int file_reserve(void)
{
	int fd = make_placeholder();

	if (fd < 0)
		return fd;
	pthread_once(&fork_once, watch);
	if (fd_table_make(&opened, fd))
		return fd;
	close(fd);
	return -EMFILE;
}

void file_publish(struct file *file, int fd)
{
	struct fd_slot *slot = fd_table_make(&opened, fd); /* file_reserve has made it */
	struct fileobj *obj = fileobj_of(file);
	struct stat st = {0};

	fstat(fd, &st); /* it cannot fail for a descriptor of the library */
	obj->placeholder = st.st_ino;
	/* If the slot has a file, the program closed its descriptor by close(2). */
	vacate(slot, NULL);
	atomic_store(&slot->pointer, obj);
}

struct file *file_opened(int fd)
{
	struct fd_slot *slot = fd_table_at(&opened, fd);
	struct file *file = file_of_slot(slot);
	struct stat st;

	if (!file)
		return NULL;
	if (!fstat(fd, &st) && S_ISSOCK(st.st_mode) && st.st_ino == fileobj_of(file)->placeholder)
		return file;
	vacate(slot, file);
	file_put(file);
	return NULL;
}

int file_unpublish(int fd)
{
	struct file *file = file_opened(fd);
	int err = 0;

	if (!file)
		return -EBADF;
	/* Empty the slot first: as soon as fd is closed, another thread may get its number. */
	if (vacate(fd_table_at(&opened, fd), file))
		close(fd);
	else
		err = -EBADF;
	file_put(file);
	return err;
}

int file_of_fd(int fd, struct file **file)
{
	struct file *found = file_opened(fd);

	if (!found)
		return kernelfd_open(fd, file);
	*file = found;
	return 0;
}

int file_register(int fd)
{
	struct fd_slot *slot = fd_table_at(&registered, fd);
	void *nothing = NULL;
	struct file *file;
	int err;

	if (slot && atomic_load(&slot->pointer))
		return -EINVAL;
	err = file_of_fd(fd, &file);
	if (err)
		return err;
	pthread_once(&fork_once, watch);
	slot = fd_table_make(&registered, fd);
	if (!slot)
		err = -ENOMEM;
	else if (!atomic_compare_exchange_strong(&slot->pointer, &nothing, fileobj_of(file)))
		err = -EINVAL;
	if (err)
		file_put(file);
	return err;
}

/* Return the slot of N or -N: both stand for a file that is registered under N. */
static struct fd_slot *registered_slot(int fd)
{
	return fd == INT_MIN ? NULL : fd_table_at(&registered, abs(fd));
}

void file_deregister(int fd)
{
	struct fd_slot *slot = registered_slot(fd);

	if (slot)
		vacate(slot, NULL);
}

struct file *file_registered(int fd)
{
	return file_of_slot(registered_slot(fd));
}

bool file_is_ours(int fd)
{
	struct file *file = file_opened(fd);

	if (!file)
		return kernelfd_is_ours(fd);
	file_put(file);
	return true;
}
