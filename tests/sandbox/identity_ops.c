/* The operations of the matrix, and where they happen. */
#include "tests/sandbox/identity_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/must.h"

struct store *place_store;

/* By the store. */
static int store_open_as(struct place *place, const char *path, uint32_t flags)
{
	struct store_file *file;
	struct file_attr attr;
	int err = place_store->ops->open_file(place_store, NULL, path, flags, 0640, &file, &attr);

	if (!err)
		place_store->ops->close_file(file);
	return err;
}

static int store_read(struct place *p)
{
	return store_open_as(p, "d/f", OPEN_READ);
}

static int store_write(struct place *p)
{
	return store_open_as(p, "d/f", OPEN_WRITE);
}

static int store_cut(struct place *p)
{
	return store_open_as(p, "d/f", OPEN_WRITE | OPEN_TRUNCATE);
}

static int store_create(struct place *p)
{
	return store_open_as(p, "d/new", OPEN_READ | OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE);
}

static int store_open_dir(struct place *p)
{
	return store_open_as(p, "d", OPEN_READ | OPEN_DIRECTORY);
}

static int store_stat(struct place *p)
{
	struct file_attr attr;

	return place_store->ops->stat_path(place_store, NULL, "d/f", false, &attr);
}

static int store_list(struct place *p)
{
	char names[4096];
	uint32_t types[64];
	struct store_dirents out = {
		.names = names, .room = sizeof(names), .types = types, .max = 64};

	return place_store->ops->readdir(place_store, "d", 0, &out);
}

static int store_mkdir(struct place *p)
{
	return place_store->ops->mkdir(place_store, NULL, "d/new", 0750);
}

static int store_rmdir(struct place *p)
{
	return place_store->ops->rmdir(place_store, NULL, "d/sub");
}

static int store_unlink(struct place *p)
{
	return place_store->ops->unlink(place_store, NULL, "d/f");
}

static int store_rename(struct place *p)
{
	return place_store->ops->rename(place_store, NULL, "d/f", NULL, "d/new", 0);
}

static int store_rename_out(struct place *p)
{
	return place_store->ops->rename(place_store, NULL, "d/f", NULL, "open/new", 0);
}

static int store_rename_in(struct place *p)
{
	return place_store->ops->rename(place_store, NULL, "open/f", NULL, "d/new", 0);
}

static int store_link(struct place *p)
{
	return place_store->ops->link(place_store, NULL, "d/f", NULL, "open/new");
}

static int store_both(struct place *p)
{
	return store_open_as(p, "d/f", OPEN_READ | OPEN_WRITE);
}

/* Named as it was when the server itself looked: see set_up. */
static int store_reopen(struct place *p)
{
	struct bytes name = {p->name, p->name_len};
	struct store_file *file;
	struct file_attr attr;
	int err = place_store->ops->reopen_file(place_store, "d/f", name, OPEN_READ | OPEN_WRITE,
						&file, &attr);

	if (!err)
		place_store->ops->close_file(file);
	return err == -ESTALE ? -EACCES : err; /* it does not tell who may not look */
}

/* By the kernel, in p->dir. */
static int shut(int fd)
{
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int said(int result)
{
	return result ? -errno : 0;
}

static int kernel_read(struct place *p)
{
	return shut(open("d/f", O_RDONLY));
}

static int kernel_write(struct place *p)
{
	return shut(open("d/f", O_WRONLY));
}

static int kernel_cut(struct place *p)
{
	return shut(open("d/f", O_WRONLY | O_TRUNC));
}

static int kernel_create(struct place *p)
{
	return shut(open("d/new", O_RDWR | O_CREAT | O_EXCL, 0640));
}

static int kernel_open_dir(struct place *p)
{
	return shut(open("d", O_RDONLY | O_DIRECTORY));
}

static int kernel_stat(struct place *p)
{
	struct stat st;

	return said(stat("d/f", &st));
}

static int kernel_mkdir(struct place *p)
{
	return said(mkdir("d/new", 0750));
}

static int kernel_rmdir(struct place *p)
{
	return said(rmdir("d/sub"));
}

static int kernel_unlink(struct place *p)
{
	return said(unlink("d/f"));
}

static int kernel_rename(struct place *p)
{
	return said(rename("d/f", "d/new"));
}

static int kernel_rename_out(struct place *p)
{
	return said(rename("d/f", "open/new"));
}

static int kernel_rename_in(struct place *p)
{
	return said(rename("open/f", "d/new"));
}

static int kernel_link(struct place *p)
{
	return said(link("d/f", "open/new"));
}

static int kernel_both(struct place *p)
{
	return shut(open("d/f", O_RDWR));
}

const struct op ops[] = {
	{"open for reading", store_read, kernel_read},
	{"open for writing", store_write, kernel_write},
	{"open for both", store_both, kernel_both},
	{"reopen", store_reopen, kernel_both},
	{"truncate", store_cut, kernel_cut},
	{"create", store_create, kernel_create, true, "d/new"},
	{"open a directory", store_open_dir, kernel_open_dir, true},
	{"stat", store_stat, kernel_stat, true},
	{"list", store_list, kernel_open_dir, true},
	{"mkdir", store_mkdir, kernel_mkdir, true, "d/new"},
	{"rmdir", store_rmdir, kernel_rmdir, true},
	{"unlink", store_unlink, kernel_unlink, true},
	{"rename", store_rename, kernel_rename, true},
	{"rename to another directory", store_rename_out, kernel_rename_out},
	{"rename from another directory", store_rename_in, kernel_rename_in, true},
	{"link", store_link, kernel_link},
};
const size_t nr_ops = sizeof(ops) / sizeof(*ops);

static void give(const char *path, mode_t mode)
{
	must(!chown(path, OWNER, OWNER_GROUP) && !chmod(path, mode), "%s", path);
}

static void make_file(const char *path, mode_t mode)
{
	must(!shut(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600)), "%s", path);
	give(path, mode);
}

static void learn_name(struct place *place)
{
	struct store_file *file;
	struct file_attr attr;

	must(!place_store->ops->open_file(place_store, NULL, "d/f", OPEN_READ, 0, &file, &attr),
	     "f");
	place->name_len = file->persistent_len;
	memcpy(place->name, file->persistent, file->persistent_len);
	place_store->ops->close_file(file);
}

void place_set_up(struct place *place, mode_t dir_mode, mode_t mode)
{
	must(!chdir(place->dir), "chdir");
	unlink("d/new");
	rmdir("d/new");
	unlink("open/new");
	mkdir("d", 0700);
	mkdir("d/sub", 0700);
	mkdir("open", 0777);
	make_file("d/f", mode);
	make_file("open/f", 0666);
	give("d/sub", 0777);
	give("open", 0777);
	if (place->is_export)
		learn_name(place);
	give("d", dir_mode);
}

void place_open(const struct place *place)
{
	if (place->is_export)
		must(!store_open(place->dir, place->flags, &place_store), "%s", place->dir);
}

void place_close(const struct place *place)
{
	if (place->is_export)
		place_store->ops->close_store(place_store);
}
