/*
 * A disk hangs in the middle of a write past the page cache, and the server ends. No thread of the
 * server waits for such a write, so only the kernel has it then. The export stays locked until the
 * write is over, because it could land on what the next server writes. The disk is ext4 on a loop
 * device whose file hangs, by tests/support/slowfs. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/rw.h"
#include "tests/support/slowfs.h"

enum { LEN = 4096, NEW = 0xbb };

struct bed {
	struct slowfs fs;
	struct server server;
	char loop[64], disk[600], dir[640], slow[700], well[600];
	struct rw rw;
	int file;
};

/* Mounts end with this process, because they are in a namespace of its own. */
static void needs_mounts(void)
{
	e2e_needs_server_process();
	if (slowfs_missing())
		cr_skip_test("%s", slowfs_missing());
	if (access("/dev/loop-control", R_OK | W_OK))
		cr_skip_test("there are no loop devices here");
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL))
		cr_skip_test("cannot unshare: %s", strerror(errno));
}

static void disk_open(struct bed *bed)
{
	char image[700], line[64] = "";
	int fd;

	snprintf(image, sizeof(image), "%s/image", bed->fs.mount);
	fd = open(image, O_RDWR | O_CREAT, 0600);
	must(fd >= 0 && !ftruncate(fd, 32 << 20) && !close(fd), "%s", image);
	must(!run_into(line, sizeof(line), "/sbin/losetup", "--show", "-f", image), "losetup");
	snprintf(bed->loop, sizeof(bed->loop), "%.*s", (int)strcspn(line, "\n"), line);
	must(!run("/sbin/mkfs.ext4", "-q", "-F", bed->loop), "mkfs.ext4");
	snprintf(bed->disk, sizeof(bed->disk), "%s", scratch_file("disk"));
	must(!mkdir(bed->disk, 0755) && !mount(bed->loop, bed->disk, "ext4", 0, NULL), "mount");
	snprintf(bed->dir, sizeof(bed->dir), "%s/e", bed->disk);
	must(!mkdir(bed->dir, 0755), "%s", bed->dir);
}

/* The kernel may need a moment to give back the files of a server that has ended. */
static void disk_close(struct bed *bed)
{
	while (umount2(bed->disk, 0))
		nap_ms(10);
	must(!run("/sbin/losetup", "-d", bed->loop), "losetup -d %s", bed->loop);
}

static void open_file(struct bed *bed)
{
	char url[200];

	snprintf(url, sizeof(url), "%s/slow?timeout=300", bed->server.addr);
	rw_open(&bed->rw, url, LEN);
	snprintf(url, sizeof(url), "%s/slow?timeout=300/file", bed->server.addr);
	bed->file = usrbio_open(url, O_RDWR | O_CREAT | O_DIRECT, 0600);
	cr_assert_geq(bed->file, 0, "%d", bed->file);
	cr_assert_leq(hf3fs_reg_fd(bed->file, 0), 0);
	/* The blocks are there, so that the write which hangs is one of the disk alone. */
	cr_assert_eq(rw_write(&bed->rw, bed->file, 0, LEN), LEN);
	cr_assert_eq(usrbio_fsync(bed->file), 0);
	sync();
}

static void bed_open(struct bed *bed)
{
	needs_mounts();
	setenv("USRBIO_LOG", "warn", 1);
	slowfs_start(&bed->fs, e2e_scratch);
	disk_open(bed);
	cr_assert_eq(mkdir(scratch_file("well"), 0755), 0);
	snprintf(bed->slow, sizeof(bed->slow), "slow=%s", bed->dir);
	snprintf(bed->well, sizeof(bed->well), "well=%s", scratch_file("well"));
	server_start(&bed->server, NULL, bed->slow, bed->well, "--stop-time=3", NULL);
	open_file(bed);
}

/* True if no server has the export. */
static bool is_free(const struct bed *bed)
{
	int fd = open(bed->dir, O_RDONLY | O_DIRECTORY);
	bool locked;

	must(fd >= 0, "%s", bed->dir);
	locked = !flock(fd, LOCK_EX | LOCK_NB);
	must(locked || errno == EWOULDBLOCK, "flock: %s", strerror(errno));
	close(fd);
	return locked;
}

static void submit(struct bed *bed)
{
	memset(bed->rw.base, NEW, LEN);
	cr_assert_geq(hf3fs_prep_io(&bed->rw.writes, &bed->rw.iov, false, bed->rw.base, bed->file,
				    0, LEN, NULL),
		      0);
	cr_assert_eq(hf3fs_submit_ios(&bed->rw.writes), 0);
}

static void expect_served(const struct server *server)
{
	char url[200];
	int fd;

	snprintf(url, sizeof(url), "%s/well/file", server->addr);
	fd = usrbio_open(url, O_RDWR | O_CREAT, 0600);
	cr_assert_geq(fd, 0, "%d", fd);
	cr_assert_eq(usrbio_fsync(fd), 0);
	cr_assert_eq(usrbio_close(fd), 0);
}

/* The server ends by `sig` while a write of it is with the disk, and the next one starts. */
static void play(int sig, int status)
{
	char addr[sizeof(((struct server *)0)->addr)];
	struct hf3fs_cqe cqe;
	struct bed bed;
	int rule;

	bed_open(&bed);
	rule = slowfs_rule(&bed.fs, "write", "image", "hang");
	submit(&bed);
	slowfs_wait(&bed.fs, rule, 1);
	server_signal(&bed.server, sig);
	cr_assert_eq(process_wait(&bed.server.process), status);
	cr_expect(!is_free(&bed),
		  "the export is free while a write of the dead server is under way");
	strcpy(addr, bed.server.addr);
	server_start(&bed.server, addr, bed.slow, bed.well, "--stop-time=3", NULL);
	expect_served(&bed.server);
	cr_expect(slowfs_hung(&bed.fs, rule) > 0);
	cr_expect(!is_free(&bed), "the export is free when the next server has started");
	slowfs_drop(&bed.fs, rule);
	cr_assert_eq(hf3fs_wait_for_ios(&bed.rw.writes, &cqe, 1, 1, NULL), 1);
	cr_expect_eq(cqe.result, LEN);
	rw_close(&bed.rw);
	usrbio_close(bed.file);
	server_stop(&bed.server);
	disk_close(&bed);
	slowfs_stop(&bed.fs);
}

E2E(fence, a_killed_server_keeps_its_export_while_the_disk_has_a_write_of_it)
{
	play(SIGKILL, 128 + SIGKILL);
}

E2E(fence, a_stopped_server_keeps_its_export_while_the_disk_has_a_write_of_it)
{
	play(SIGTERM, 3);
}
