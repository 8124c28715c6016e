/*
 * The client of a power loss, and the loss itself. `power write URL SEED` writes blocks of some
 * files and syncs now and then, until a line comes on its standard input. Then it syncs each file
 * once more, reads all blocks and compares them with what its syncs had promised. `power crash DIR`
 * ends the ext4 file system of a directory as a loss of power does. One thread; what fails ends the
 * program.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "tests/support/must.h"

enum { FILES = 4, BLOCKS = 64, BLOCK = 4096, WORDS = BLOCK / 8 };

#define EXT4_IOC_SHUTDOWN _IOR('X', 125, uint32_t)
#define EXT4_NO_LOG_FLUSH 2
#define TIMEOUT_OPTION	  "?timeout=300"

/* Of each block: the versions that were written, acknowledged and promised by a sync. */
struct block {
	uint64_t sent, acked, synced;
};

struct file {
	int fd;
	int failed; /* a sync has returned -EIO */
	struct block block[BLOCKS];
};

static struct file files[FILES];
static struct hf3fs_ior reads, writes;
static struct hf3fs_iov iov;

static int64_t io(const struct hf3fs_ior *ior, int fd, int block)
{
	struct hf3fs_cqe cqe;
	int slot = hf3fs_prep_io(ior, &iov, ior == &reads, iov.base, fd, (size_t)block * BLOCK,
				 BLOCK, NULL);

	must(slot >= 0, "prep_io: %d", slot);
	must(!hf3fs_submit_ios(ior), "submit_ios");
	must(hf3fs_wait_for_ios(ior, &cqe, 1, 1, NULL) == 1, "wait_for_ios");
	return cqe.result;
}

static void put(struct file *file, int number)
{
	struct block *block = &file->block[number];
	uint64_t *words = (uint64_t *)(void *)iov.base;
	int64_t result;

	block->sent++;
	for (int i = 0; i < WORDS; i++)
		words[i] = block->sent;
	result = io(&writes, file->fd, number);
	/* A thread of the server may meet the end of the file system before it stops. */
	must(result == BLOCK || result == -EIO, "write: %ld", (long)result);
	if (result == BLOCK)
		block->acked = block->sent;
}

static void sync_file(struct file *file)
{
	uint64_t acked[BLOCKS];
	int err;

	for (int i = 0; i < BLOCKS; i++)
		acked[i] = file->block[i].acked;
	err = usrbio_fsync(file->fd);
	must(!err || err == -EIO, "fsync: %d", err);
	file->failed |= err == -EIO;
	for (int i = 0; !err && i < BLOCKS; i++)
		file->block[i].synced = acked[i];
}

/* Return the version that a block has now; 0: none. */
static uint64_t look(struct file *file, int number)
{
	const uint64_t *words = (const uint64_t *)(const void *)iov.base;
	uint64_t version;

	memset(iov.base, 0, BLOCK);
	must(io(&reads, file->fd, number) >= 0, "read");
	version = words[0];
	for (int i = 1; i < WORDS; i++)
		if (words[i] < version)
			version = words[i];
	return version;
}

static void open_all(const char *url)
{
	char name[400];

	must(!hf3fs_iorcreate(&reads, url, 8, true, 0, -1), "a ring");
	must(!hf3fs_iorcreate(&writes, url, 8, false, 0, -1), "a ring");
	must(!hf3fs_iovcreate(&iov, url, BLOCK, 0, -1), "an iov");
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%s/%d", url, i);
		files[i].fd = usrbio_open(name, O_RDWR | O_CREAT, 0644);
		must(files[i].fd >= 0 && hf3fs_reg_fd(files[i].fd, 0) <= 0, "%s", name);
		must(!usrbio_fsync(files[i].fd), "the first fsync");
	}
}

static bool told(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&in, 1, 0);
}

/* Sync and check each file, and print the result. */
static void finish(void)
{
	unsigned checked = 0, lies = 0, lost = 0, failed = 0;

	for (int i = 0; i < FILES; i++) {
		sync_file(&files[i]);
		failed += files[i].failed;
		for (int j = 0; j < BLOCKS; j++) {
			uint64_t version = look(&files[i], j);

			checked++;
			lost += version < files[i].block[j].acked;
			lies += version < files[i].block[j].synced;
		}
	}
	printf("checked=%u lost=%u failed=%u lies=%u\n", checked, lost, failed, lies);
}

static int write_until_told(const char *mount, unsigned seed)
{
	char url[300];

	snprintf(url, sizeof(url), "%s" TIMEOUT_OPTION, mount);
	open_all(url);
	puts("ready");
	fflush(stdout);
	while (!told()) {
		struct file *file = &files[rand_r(&seed) % FILES];

		if (file->failed)
			continue;
		if (rand_r(&seed) % 16)
			put(file, rand_r(&seed) % BLOCKS);
		else
			sync_file(file);
	}
	finish();
	return 0;
}

static int crash(const char *dir)
{
	uint32_t how = EXT4_NO_LOG_FLUSH;
	int fd = open(dir, O_RDONLY | O_CLOEXEC);

	must(fd >= 0 && !ioctl(fd, EXT4_IOC_SHUTDOWN, &how), "%s: %s", dir, strerror(errno));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "write"))
		return write_until_told(argv[2], (unsigned)atoi(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "crash"))
		return crash(argv[2]);
	fprintf(stderr, "usage: power write URL SEED | power crash DIR\n");
	return 2;
}
