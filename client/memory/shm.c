/*
 * Shared memory by id; see shm.h. A struct shm belongs to its caller, who serialises the calls for
 * it. This file has no state; any thread. A descriptor number of another process may stand for
 * another object by now. So the object that is found must be a memfd of our own user, sealed
 * against shrinking, with the id as its name and with the announced size.
 */
#include "client/memory/shm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/memory/mem_avail.h"
#include "common/base/fork.h"
#include "common/base/log.h"
#include "common/base/pages.h"

#define NAME_MAX_LEN  64
#define FULL_NAME_MAX (NAME_MAX_LEN + 36)
#define MEMFD	      "/memfd:"
#define POPULATE_STEP ((size_t)4 << 20)
#define SEALS	      (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* The description of an object in an abstract address. */
struct notice {
	int pid, fd;
	uint64_t size, block_size;
};

/* Write "usrbio-" and 32 hex digits: the beginning of the memfd's name and of the address. */
static void spell_id(char name[NAME_MAX_LEN], const uint8_t id[16])
{
	static const char digits[] = "0123456789abcdef";
	char *at = stpcpy(name, "usrbio-");

	for (int i = 0; i < 16; i++) {
		*at++ = digits[id[i] >> 4];
		*at++ = digits[id[i] & 15];
	}
	*at = '\0';
}

static bool is_shortage(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -ENOBUFS;
}

/* Bind a socket to the address that announces the object. Returns the descriptor or -errno. */
static int announce(const char *name, int memory_fd, size_t size, size_t block_size)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	int len;

	if (fd < 0)
		return -errno;
	len = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "%s/%x/%x/%zx/%zx", name,
		       (unsigned)getpid(), (unsigned)memory_fd, size, block_size);
	if (bind(fd, (struct sockaddr *)&addr,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int populate_range(int fd, char *base, size_t off, size_t len)
{
	if (!madvise(base + off, len, MADV_POPULATE_WRITE))
		return 0;
	if (errno == ENOMEM || errno == EFAULT || errno == EHWPOISON)
		return -ENOMEM;
	/* Linux before 5.14 does not know it (EINVAL), or a filter refuses it. */
	return fallocate(fd, 0, (off_t)off, (off_t)len) ? -ENOMEM : 0;
}

/*
 * Allocate all pages now, so that a lack of memory is an error here and not a SIGBUS later. Other
 * processes may allocate at the same time, so the free memory is checked again before each step:
 * the kernel kills a process that exceeds the limit of its control group.
 */
static int populate(int fd, void *base, size_t len)
{
	int err = 0;

	for (size_t off = 0; off < len && !err; off += POPULATE_STEP) {
		size_t step = len - off < POPULATE_STEP ? len - off : POPULATE_STEP;

		err = off && !mem_avail_for(step) ? -ENOMEM : populate_range(fd, base, off, step);
	}
	return err;
}

static int map(struct shm *shm, int fd, size_t size, size_t mapped)
{
	void *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (base == MAP_FAILED)
		return -ENOMEM;
	*shm = (struct shm){
		.base = base, .size = size, .mapped = mapped, .name_fd = -1, .memory_fd = -1};
	return 0;
}

/* Make the memfd, with the size and the block size behind the name. Returns it or -errno, logged.
 */
static int make_memfd(const char *name, size_t mapped, size_t size, size_t block_size)
{
	char full[FULL_NAME_MAX];
	int fd, err;

	snprintf(full, sizeof(full), "%s.%zx.%zx", name, size, block_size);
	fd = memfd_create(full, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		err = -errno;
		log_warn("cannot make memory for an iov: memfd_create: %s", strerror(-err));
		return err;
	}
	if (ftruncate(fd, (off_t)mapped)) {
		log_warn("cannot make memory for an iov: ftruncate: %s", strerror(errno));
		close(fd);
		return -ENOMEM;
	}
	/*
	 * The kernel makes a memfd with mode 0777, but other users cannot reach it through
	 * /proc/PID/fd.
	 */
	if (fchmod(fd, 0600) || fcntl(fd, F_ADD_SEALS, SEALS)) {
		err = -errno;
		log_warn("cannot protect the memory of an iov: fchmod, fcntl: %s", strerror(-err));
		close(fd);
		return err;
	}
	return fd;
}

int shm_create(struct shm *shm, const uint8_t id[16], size_t size, size_t block_size, int numa)
{
	size_t mapped = pages_round(size);
	char name[NAME_MAX_LEN];
	struct shm made;
	int fd, err;

	if (!size)
		return -EINVAL;
	if (!mapped || mapped > SSIZE_MAX || !mem_avail_for(mapped))
		return -ENOMEM;
	spell_id(name, id);
	fd = make_memfd(name, mapped, size, block_size);
	if (fd < 0)
		return fd;
	err = map(&made, fd, size, mapped);
	if (err)
		goto err_close;
	pages_bind(made.base, mapped, numa);
	err = populate(fd, made.base, mapped);
	if (err)
		goto err_unmap;
	made.name_fd = announce(name, fd, size, block_size);
	if (is_shortage(made.name_fd)) {
		err = made.name_fd;
		goto err_unmap;
	}
	/* A process that may have no such socket is found by its descriptors. */
	fork_own(made.name_fd);
	made.memory_fd = fork_own(fd);
	*shm = made;
	return 0;

err_unmap:
	munmap(made.base, mapped);
err_close:
	close(fd);
	return err;
}

/*
 * True if the link `at` in the directory `dir`, /proc/PID/fd, names the memfd of this name, with
 * its size and block size in *notice.
 */
static bool is_named(int dir, const char *at, const char *name, struct notice *notice)
{
	char link[FULL_NAME_MAX + 32], end[16] = "";
	ssize_t n = readlinkat(dir, at, link, sizeof(link) - 1);
	size_t len = strlen(name);

	if (n < 0)
		return false;
	link[n] = '\0';
	return !strncmp(link, MEMFD, sizeof(MEMFD) - 1) &&
	       !strncmp(link + sizeof(MEMFD) - 1, name, len) &&
	       sscanf(link + sizeof(MEMFD) - 1 + len, ".%" SCNx64 ".%" SCNx64 " %9s", &notice->size,
		      &notice->block_size, end) == 3 &&
	       !strcmp(end, "(deleted)");
}

/* True if the memfd behind a path handle is the one that the notice describes. */
static bool is_meant(int handle, const char *name, const struct notice *notice)
{
	char path[64];
	struct notice own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
	return is_named(AT_FDCWD, path, name, &own) && own.size == notice->size &&
	       own.block_size == notice->block_size;
}

/* Open the object of a path handle, after checking that opening it does no harm. */
static int open_handle(int handle, const char *name, const struct notice *notice)
{
	char path[64];
	struct stat st;
	int fd;

	if (fstat(handle, &st) || !S_ISREG(st.st_mode) || !is_meant(handle, name, notice))
		return -ENOENT;
	if (st.st_uid != geteuid())
		return -EPERM;
	if ((uint64_t)st.st_size != pages_round(notice->size))
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? -EPERM : -errno;
	if ((fcntl(fd, F_GET_SEALS) & SEALS) != SEALS) { /* -1 means that it is no memfd */
		close(fd);
		return -ENOENT;
	}
	return fd;
}

/* Open the announced object. */
static int open_announced(const char *name, const struct notice *notice)
{
	char path[64];
	int handle, fd;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", notice->pid, notice->fd);
	/* Opening with O_PATH has no effect on the object, whichever it is. */
	handle = open(path, O_PATH | O_CLOEXEC);
	if (handle < 0)
		return errno == EACCES || errno == EPERM ? -EPERM : -ENOENT;
	fd = open_handle(handle, name, notice);
	close(handle);
	return fd;
}

/* Parse a line of /proc/net/unix. True if it announces `name`, with the details in *notice. */
static bool read_notice(const char *line, const char *name, struct notice *notice)
{
	const char *at = strstr(line, " @usrbio-");
	size_t len = strlen(name);

	if (!at || strncmp(at + 2, name, len))
		return false;
	return sscanf(at + 2 + len, "/%x/%x/%" SCNx64 "/%" SCNx64, (unsigned *)&notice->pid,
		      (unsigned *)&notice->fd, &notice->size, &notice->block_size) == 4 &&
	       notice->pid > 0 && notice->fd >= 0;
}

/*
 * Find and open the object by its notice. Any user can announce anything, so false notices are
 * skipped.
 */
static int find_notice(const char *name, size_t block_size, struct notice *notice)
{
	FILE *file = fopen("/proc/net/unix", "re");
	char line[512];
	int found = -ENOENT;

	if (!file)
		return -ENOENT;
	while (found < 0 && fgets(line, sizeof(line), file)) {
		int fd;

		if (!read_notice(line, name, notice) || notice->block_size != block_size)
			continue;
		fd = open_announced(name, notice);
		if (fd >= 0 || found == -ENOENT)
			found = fd;
	}
	fclose(file);
	return found;
}

/* Find and open the object among the descriptors of one process. */
static int search_process(const char *pid, const char *name, size_t block_size,
			  struct notice *notice)
{
	struct dirent *entry;
	char path[300];
	DIR *dir;
	int found = -ENOENT;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && found < 0 && (entry = readdir(dir))) {
		if (!is_named(dirfd(dir), entry->d_name, name, notice) ||
		    notice->block_size != block_size)
			continue;
		notice->pid = atoi(pid);
		notice->fd = atoi(entry->d_name);
		found = open_announced(name, notice);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The same in all processes that this one may see. */
static int search(const char *name, size_t block_size, struct notice *notice)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int found = proc ? -ENOENT : -errno;

	while (proc && found < 0 && (entry = readdir(proc))) {
		if (*entry->d_name >= '0' && *entry->d_name <= '9')
			found = search_process(entry->d_name, name, block_size, notice);
	}
	if (proc)
		closedir(proc);
	return found;
}

static int find(const char *name, size_t block_size, struct notice *notice)
{
	int noticed = find_notice(name, block_size, notice), found;

	if (noticed >= 0)
		return noticed;
	found = search(name, block_size, notice);
	return found == -ENOENT ? noticed : found;
}

int shm_open_id(struct shm *shm, const uint8_t id[16], size_t size, size_t block_size, int numa)
{
	char name[NAME_MAX_LEN];
	struct notice notice;
	int fd, err;

	if (!size)
		return -EINVAL;
	spell_id(name, id);
	fd = find(name, block_size, &notice);
	if (fd < 0)
		return fd;
	err = size > notice.size ? -EINVAL : map(shm, fd, size, pages_round(size));
	if (!err)
		pages_bind(shm->base, shm->mapped, numa);
	close(fd);
	return err;
}

void shm_unlink_id(struct shm *shm)
{
	if (shm->name_fd >= 0)
		fork_close(shm->name_fd);
	if (shm->memory_fd >= 0)
		fork_close(shm->memory_fd);
	shm->name_fd = shm->memory_fd = -1;
}

void shm_close(struct shm *shm)
{
	shm_unlink_id(shm);
	if (shm->base)
		munmap(shm->base, shm->mapped);
	*shm = (struct shm){.name_fd = -1, .memory_fd = -1};
}
