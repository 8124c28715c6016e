/*
 * The client's handling of what a server says: the whole library through its public headers, over
 * the loop transport, whose poll and arm give the played server its turn, so that it acts exactly
 * when the library looks. An input says how the server answers each message of its first
 * CONNS connections; when it is used up, or those are, the server is honest. If its first byte is
 * 128 or more the mount has a key, and the client must say nothing to a server that has not proved
 * it. A record:
 *
 *   0  honestly
 *   1  length (2 bytes), a frame: said as it is, and nothing else
 *   2  likewise, but the tag of what was asked is put into it; with a key a Challenge and a
 *      Welcome are made good: fresh, and signed
 *   3  likewise, then honestly
 *   4  an immediate: the tag of the first I/O, changed by the next byte
 *   5  a WRITE, 6 a READ: where (2 bytes, signed), how far (2 bytes), from the start of the last
 *      region that was announced
 *   7  not at all, and the connection ends when nothing more happens
 *   8  a farewell
 *   9  the I/Os, or whatever was asked, twice
 *  10  with an L behind it: not at all, until the client gives it up
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "proto/limits.h"
#include "tests/fuzz/player.h"

#define MOUNT	"loop://" PLAYER_NAME "/data?timeout=1"
#define KEYED	MOUNT "&key=a"
#define WRAPPED 65536u
#define SIDE	32768u
#define CANARY	0x5a
#define IOS	4

static uint8_t *memory, canary[SIDE]; /* SIDE, WRAPPED, SIDE */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	setenv("USRBIO_LOG", "off", 0);
	memory = malloc(2 * SIDE + WRAPPED);
	insist(memory);
	memset(canary, CANARY, sizeof(canary));
	player_open();
	return 0;
}

/* A batch: each completes once, with no more than it was for. */
static void transfer(const struct hf3fs_ior *ring, const struct hf3fs_iov *iov, int fd)
{
	struct hf3fs_cqe cqes[IOS + 1];
	int n = 0, got;

	for (int i = 0; i < IOS; i++)
		n += hf3fs_prep_io(ring, iov, ring->for_read, iov->base + i * 4096, fd,
				   (size_t)i * 4096, 1024u << (i % 3), iov) >= 0;
	insist(!hf3fs_submit_ios(ring));
	got = hf3fs_wait_for_ios(ring, cqes, IOS + 1, n, NULL);
	insist(got == n);
	for (int i = 0; i < n; i++)
		insist(cqes[i].result <= 4096 && cqes[i].userdata == iov);
}

static void look_around(const char *mount, int fd)
{
	struct usrbio_stat st;
	struct usrbio_dirent entry;
	struct usrbio_dir *dir;
	char path[64];

	snprintf(path, sizeof(path), "%s/d", mount);
	usrbio_fstat(fd, &st);
	if (!usrbio_opendir(path, &dir)) {
		for (int i = 0; i < 8 && usrbio_readdir(dir, &entry) > 0; i++)
			insist(strlen(entry.name) < FRAME_MAX);
		usrbio_closedir(dir);
	}
}

static void link_and_set(const char *mount, int fd)
{
	char path[64], target[64];
	int len;

	snprintf(path, sizeof(path), "%s/l", mount);
	usrbio_symlink("t", path);
	len = usrbio_readlink(path, target, sizeof(target));
	insist(len < (int)sizeof(target) && (len < 0 || strlen(target) == (size_t)len));
	usrbio_chmod(path, 0600);
	usrbio_futimens(fd, NULL);
}

/* What a server says of space and of attributes is fit for a program. */
static void look_closer(int fd)
{
	char names[XATTR_VALUE_MAX];
	struct statvfs fs;
	int len;

	if (!usrbio_fstatfs(fd, &fs))
		insist(fs.f_frsize);
	len = usrbio_flistxattr(fd, names, sizeof(names));
	insist(len <= (int)sizeof(names) && (len <= 0 || !names[len - 1]));
	len = usrbio_fgetxattr(fd, "user.a", names, 16);
	insist(len <= 16);
}

static void live(const char *mount, const struct hf3fs_iov *wrapped)
{
	struct hf3fs_ior reads, writes;
	struct hf3fs_iov iov;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/f", mount);
	fd = usrbio_open(path, O_RDWR, 0);
	if (fd < 0)
		return;
	insist(!hf3fs_iorcreate(&reads, mount, IOS, true, 0, -1));
	insist(!hf3fs_iorcreate(&writes, mount, IOS, false, 0, -1));
	insist(!hf3fs_iovcreate(&iov, mount, IOS * 4096, 0, -1));
	if (hf3fs_reg_fd(fd, 0) <= 0) {
		transfer(&reads, wrapped, fd);
		transfer(&writes, wrapped, fd);
		transfer(&reads, &iov, fd);
		hf3fs_dereg_fd(fd);
	}
	look_around(mount, fd);
	link_and_set(mount, fd);
	look_closer(fd);
	hf3fs_iovdestroy(&iov);
	hf3fs_iordestroy(&reads);
	hf3fs_iordestroy(&writes);
	usrbio_close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *mount = len && *data >= 128 ? KEYED : MOUNT;
	const uint8_t id[16] = {len && *data >= 128 ? 2 : 1};
	struct hf3fs_iov wrapped;

	memset(memory, CANARY, 2 * SIDE + WRAPPED);
	player_play(data, len, false);
	if (!hf3fs_iovwrap(&wrapped, memory + SIDE, id, mount, WRAPPED, 0, -1))
		live(mount, &wrapped);
	/* The next input begins with a connection of its own. */
	player_play(NULL, 0, true);
	insist(!memcmp(memory, canary, SIDE));
	insist(!memcmp(memory + SIDE + WRAPPED, canary, SIDE));
	return 0;
}
