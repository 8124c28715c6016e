/* The test fixture of the stores. */
#include "tests/store/fixture.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool submitting; /* done must not be called from within io_submit */

/* Refuse, from now on, what Docker's default filter refuses for a process without privileges. */
static void refuse_handles(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_name_to_handle_at, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open_by_handle_at, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

void fixture_mount_overlay(const struct fixture *fixture)
{
	char options[512];

	snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
		 fixture->base, fixture->base, fixture->base);
	if (mount("overlay", fixture->dir, "overlay", 0, options))
		cr_skip_test("no overlayfs");
}

/* Make the export an overlayfs on a tmpfs, in a mount namespace of the test's own. */
static void overlay(const struct fixture *fixture)
{
	static const char *const dirs[] = {"lower", "upper", "work", "export"};
	char path[96];

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", fixture->base, "tmpfs", 0, NULL))
		cr_skip_test("no mount namespace");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", fixture->base, dirs[i]);
		cr_assert_eq(mkdir(path, 0755), 0);
	}
	fixture_mount_overlay(fixture);
}

void fixture_open(struct fixture *fixture, const char *kind)
{
	char where[512];
	bool is_overlay = !strcmp(kind, "overlay"), is_filtered = !strcmp(kind, "filtered"),
	     is_kind = !strcmp(kind, "posix") || !strcmp(kind, "memory") || !strcmp(kind, "fault");

	memset(fixture, 0, sizeof(*fixture));
	strcpy(fixture->base, "/tmp/usrbio-store-XXXXXX");
	cr_assert(mkdtemp(fixture->base));
	snprintf(fixture->dir, sizeof(fixture->dir), "%s/export", fixture->base);
	cr_assert_eq(mkdir(fixture->dir, 0755), 0);
	fixture->mounted = is_overlay;
	if (is_overlay)
		overlay(fixture);
	else if (is_filtered)
		refuse_handles();
	if (is_overlay || is_filtered) {
		kind = "posix";
		is_kind = true;
	}
	if (!is_kind)
		snprintf(where, sizeof(where), "%s", kind);
	else
		snprintf(where, sizeof(where), "%s%s", *kind == 'f' ? "fault::posix:" : kind,
			 *kind == 'f' ? fixture->dir : ":");
	if (!strcmp(kind, "posix"))
		strcat(where, fixture->dir);
	cr_assert_eq(store_open(where, false, &fixture->store), 0, "%s", where);
	cr_assert_eq(evloop_open(&fixture->loop, 64), 0);
	fixture->staging = mmap(NULL, FIXTURE_STAGING, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(fixture->staging, MAP_FAILED);
	cr_assert_eq(fixture->store->ops->queue_open(fixture->store, fixture->loop,
						     fixture->staging, FIXTURE_STAGING,
						     &fixture->queue),
		     0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void fixture_reopen(struct fixture *fixture, unsigned flags)
{
	fixture->store->ops->queue_close(fixture->queue);
	fixture->store->ops->close_store(fixture->store);
	cr_assert_eq(store_open(fixture->dir, flags, &fixture->store), 0);
	cr_assert_eq(fixture->store->ops->queue_open(fixture->store, fixture->loop,
						     fixture->staging, FIXTURE_STAGING,
						     &fixture->queue),
		     0);
}

void fixture_close(struct fixture *fixture)
{
	fixture->store->ops->queue_close(fixture->queue);
	fixture->store->ops->close_store(fixture->store);
	evloop_close(fixture->loop);
	munmap(fixture->staging, FIXTURE_STAGING);
	if (fixture->mounted) {
		cr_assert_eq(umount2(fixture->dir, 0), 0);
		cr_assert_eq(umount2(fixture->base, 0), 0);
	}
	cr_assert_eq(nftw(fixture->base, remove_one, 64, FTW_DEPTH | FTW_PHYS), 0);
}

static void io_done(struct store_io *io, int64_t result)
{
	struct fixture_io *bio = (struct fixture_io *)io;

	cr_assert_not(submitting);
	bio->nr_done++;
	bio->result = result;
}

static void submit(struct fixture *fixture, struct fixture_io *bio)
{
	submitting = true;
	fixture->store->ops->io_submit(fixture->queue, &bio->io);
	submitting = false;
}

void fixture_submit(struct fixture *fixture, struct fixture_io *bio, struct store_file *file,
		    enum store_io_kind kind, size_t at, uint32_t len, uint64_t off, uint32_t flags)
{
	*bio = (struct fixture_io){
		.io =
			{
				.kind = kind,
				.flags = flags,
				.file = file,
				.buf = fixture->staging + at,
				.len = len,
				.off = off,
				.done = io_done,
			},
	};
	submit(fixture, bio);
}

void fixture_submit_pipe(struct fixture *fixture, struct fixture_io *bio, struct store_file *file,
			 int pipe, uint32_t len, uint64_t off)
{
	*bio = (struct fixture_io){
		.io =
			{
				.kind = STORE_READ,
				.file = file,
				.pipe = pipe,
				.len = len,
				.off = off,
				.done = io_done,
			},
	};
	submit(fixture, bio);
}

int64_t fixture_wait(struct fixture *fixture, struct fixture_io *bio)
{
	while (!bio->nr_done)
		evloop_turn(fixture->loop, true, -1);
	cr_assert_eq(bio->nr_done, 1);
	return bio->result;
}

int64_t fixture_read(struct fixture *fixture, struct store_file *file, size_t at, uint32_t len,
		     uint64_t off, uint32_t flags)
{
	struct fixture_io bio;

	fixture_submit(fixture, &bio, file, STORE_READ, at, len, off, flags);
	return fixture_wait(fixture, &bio);
}

int64_t fixture_write(struct fixture *fixture, struct store_file *file, size_t at, uint32_t len,
		      uint64_t off)
{
	struct fixture_io bio;

	fixture_submit(fixture, &bio, file, STORE_WRITE, at, len, off, 0);
	return fixture_wait(fixture, &bio);
}

struct store_file *fixture_file(struct fixture *fixture, const char *path, uint32_t flags, int *err)
{
	struct store_file *file = NULL;
	struct file_attr attr;
	int status = fixture->store->ops->open_file(fixture->store, NULL, path, flags, 0644, &file,
						    &attr);

	if (err)
		*err = status;
	else
		cr_assert_eq(status, 0, "open %s: %s", path, strerror(-status));
	return status ? NULL : file;
}

struct store_file *fixture_create(struct fixture *fixture, const char *path)
{
	return fixture_file(fixture, path, OPEN_READ | OPEN_WRITE | OPEN_CREATE, NULL);
}

void fixture_shut(struct fixture *fixture, struct store_file *file)
{
	fixture->store->ops->close_file(file);
}

uint64_t fixture_size(struct fixture *fixture, struct store_file *file)
{
	struct file_attr attr;

	cr_assert_eq(fixture->store->ops->stat_file(file, &attr), 0);
	return attr.size;
}

int fixture_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	cr_assert(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

uint32_t fixture_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

void fixture_touch(struct fixture *fixture, const char *path)
{
	fixture_shut(fixture, fixture_create(fixture, path));
}

int fixture_chmod(struct store_file *file, uint32_t mode)
{
	const struct store_attrs attrs = {.set = SET_MODE, .mode = mode};

	return file->store->ops->set_attr(file, &attrs);
}

int fixture_stat(struct fixture *fixture, const char *path, struct file_attr *attr)
{
	const struct store_ops *ops = fixture->store->ops;
	int err = ops->stat_path(fixture->store, NULL, path, false, attr), cached;
	struct file_attr now = {0};

	cached = ops->stat_cached ? ops->stat_cached(fixture->store, NULL, path, false, &now)
				  : -EAGAIN;
	cr_assert(cached == -EAGAIN || cached == err, "%s: %d, from memory %d", path, err, cached);
	if (!cached)
		fixture_same_attr(&now, attr);
	return err;
}

void fixture_same_attr(const struct file_attr *a, const struct file_attr *b)
{
	cr_assert_eq(a->mode, b->mode);
	cr_assert_eq(a->nlink, b->nlink);
	cr_assert_eq(a->uid, b->uid);
	cr_assert_eq(a->gid, b->gid);
	cr_assert_eq(a->ino, b->ino);
	cr_assert_eq(a->dev, b->dev);
	cr_assert_eq(a->size, b->size);
	cr_assert_eq(a->blocks, b->blocks);
	cr_assert_eq(a->atime_ns, b->atime_ns);
	cr_assert_eq(a->mtime_ns, b->mtime_ns);
	cr_assert_eq(a->ctime_ns, b->ctime_ns);
}

int fixture_open_at(struct fixture *fixture, struct store_file *at, const char *name,
		    uint32_t flags)
{
	struct store_file *file;
	struct file_attr attr;
	int err =
		fixture->store->ops->open_file(fixture->store, at, name, flags, 0644, &file, &attr);

	if (!err)
		fixture_shut(fixture, file);
	return err;
}
