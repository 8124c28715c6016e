/*
 * The directory 3fs-virt of an attached directory; see virt.h. A command owns a struct virt; the
 * main thread.
 */
#include "client/tool/fs/virt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tool/fs/fs.h"
#include "client/tool/base/tool.h"
#include "common/host/trusted.h"

#define VIRT "3fs-virt"
#define CONF "usrbio.conf"
#define IOVS "iovs"

#define DIRECTORY_OF_OURS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Report the error `err` (-errno) of PATH/3fs-virt/NAME. Returns EXIT_FAILED. */
static int fail_at(const struct virt *virt, const char *name, int err)
{
	char subject[PATH_MAX + 64];

	snprintf(subject, sizeof(subject), "%s/%s%s%s", virt->path, VIRT, *name ? "/" : "", name);
	return fail(subject, err);
}

int virt_open(struct virt *virt, const char *path)
{
	char reason[TRUSTED_REASON_MAX];
	struct trusted_place place;
	int err;

	*virt = (struct virt){.dir = -1, .virt = -1, .iovs = -1};
	err = trusted_walk(path, &place, reason);
	if (err)
		return *reason ? fail_text("%s: %s; name the directory without it", path, reason)
			       : fail(path, err);
	virt->dir = place.dir;
	strcpy(virt->path, place.path);
	if (strcmp(place.name, "."))
		return fail(path, -ENOTDIR);
	/* Iovs and rings carry the path as their mount point, which has this limit. */
	if (strlen(virt->path) >= sizeof(((struct endpoint *)0)->mount_point))
		return fail(path, -ENAMETOOLONG);
	return EXIT_FINE;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void virt_close(struct virt *virt)
{
	close_one(&virt->iovs);
	close_one(&virt->virt);
	close_one(&virt->dir);
}

int virt_check_directory(const struct virt *virt, const char *url)
{
	char reason[TRUSTED_REASON_MAX];

	if (trusted_fd(virt->dir, "it", reason))
		return EXIT_FINE;
	return fail_text("%s: %s; or leave it and add the line '%s %s' to /etc/usrbio/mounts: "
			 "programs ignore a " CONF " where others may write",
			 virt->path, reason, virt->path, url);
}

/* Make a directory, or open the one that exists: its descriptor or -errno. */
static int make_directory(int parent, const char *name, bool *made)
{
	int fd;

	*made = !mkdirat(parent, name, 0700);
	if (!*made && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, DIRECTORY_OF_OURS);
	return fd < 0 ? -errno : fd;
}

/* True if the object belongs to root or to the caller. */
static bool is_ours(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && trusted_uid(st.st_uid);
}

/* Report that 3fs-virt/NAME belongs to another user. */
static int refuse(const struct virt *virt, const char *name)
{
	return fail_text("%s/%s%s%s: belongs to another user; check it, and remove it", virt->path,
			 VIRT, *name ? "/" : "", name);
}

/* Report why 3fs-virt/NAME cannot be used, if so; fd is its descriptor or -errno of opening it. */
static int check_found(const struct virt *virt, const char *name, int fd)
{
	if (fd == -ELOOP || fd == -ENOTDIR)
		return fail_text("%s/%s%s%s: is a symbolic link or a file, and should be a "
				 "directory; check it, and remove it",
				 virt->path, VIRT, *name ? "/" : "", name);
	if (fd < 0)
		return fail_at(virt, name, fd);
	return is_ours(fd) ? EXIT_FINE : refuse(virt, name);
}

/* Make or open 3fs-virt. Its mode ignores the umask, because all users must read the conf. */
static int make_virt(struct virt *virt)
{
	char reason[TRUSTED_REASON_MAX];
	int status;

	virt->virt = make_directory(virt->dir, VIRT, &virt->made_virt);
	status = check_found(virt, "", virt->virt);
	if (status)
		return status;
	if (virt->made_virt && fchmod(virt->virt, 0755))
		return fail_at(virt, "", -errno);
	return trusted_fd(virt->virt, VIRT, reason) ? EXIT_FINE
						    : fail_text("%s: %s", virt->path, reason);
}

/* Make or open 3fs-virt/iovs. All users may make links in it, but remove only their own. */
static int make_iovs(struct virt *virt)
{
	int status;

	virt->iovs = make_directory(virt->virt, IOVS, &virt->made_iovs);
	status = check_found(virt, IOVS, virt->iovs);
	if (status)
		return status;
	return fchmod(virt->iovs, 01777) ? fail_at(virt, IOVS, -errno) : EXIT_FINE;
}

int virt_make(struct virt *virt)
{
	int status = make_virt(virt);

	return status ? status : make_iovs(virt);
}

/* Write one word of the conf. Spaces, control characters and backslashes are escaped. */
static void write_word(FILE *file, const char *word)
{
	for (; *word; word++) {
		unsigned char c = (unsigned char)*word;

		if (c <= ' ' || c == '\\')
			fprintf(file, "\\%03o", c);
		else
			putc(c, file);
	}
}

/* Write the conf and sync it; closes fd. 0 or -errno. */
static int write_all(int fd, const char *url)
{
	FILE *file = fdopen(fd, "w");
	int err = 0;

	if (!file) {
		err = -errno;
		close(fd);
		return err;
	}
	fputs("# written by usrbio attach\n", file);
	write_word(file, url);
	putc('\n', file);
	if (fflush(file) || fchmod(fd, 0644) || fsync(fd))
		err = -errno;
	fclose(file);
	return err;
}

/* The conf is written under a temporary name and renamed, so that no program reads a part. */
int virt_write_conf(const struct virt *virt, const char *url)
{
	char temporary[64];
	uint64_t random = 0;
	int fd, err;

	if (getrandom(&random, sizeof(random), 0) < 0)
		return fail_at(virt, CONF, -errno);
	snprintf(temporary, sizeof(temporary), ".conf.%016llx", (unsigned long long)random);
	fd = openat(virt->virt, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return fail_at(virt, temporary, -errno);
	err = write_all(fd, url);
	if (!err && renameat(virt->virt, temporary, virt->virt, CONF))
		err = -errno;
	if (!err)
		return EXIT_FINE;
	unlinkat(virt->virt, temporary, 0);
	return fail_at(virt, CONF, err);
}

void virt_unmake(struct virt *virt)
{
	if (virt->made_iovs)
		unlinkat(virt->virt, IOVS, AT_REMOVEDIR);
	if (virt->made_virt)
		unlinkat(virt->dir, VIRT, AT_REMOVEDIR);
}

static int not_attached(const struct virt *virt)
{
	return fail_text("%s: is not attached", virt->path);
}

static int open_directory(int parent, const char *name)
{
	int fd = openat(parent, name, DIRECTORY_OF_OURS);

	return fd < 0 ? -errno : fd;
}

/* Check that the conf exists, is a file, and belongs to root or the caller. */
static int check_conf(const struct virt *virt)
{
	struct stat st;

	if (fstatat(virt->virt, CONF, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? not_attached(virt) : fail_at(virt, CONF, -errno);
	if (!S_ISREG(st.st_mode) || !trusted_uid(st.st_uid))
		return refuse(virt, CONF);
	return EXIT_FINE;
}

int virt_find(struct virt *virt)
{
	int status;

	virt->virt = open_directory(virt->dir, VIRT);
	if (virt->virt == -ENOENT)
		return not_attached(virt);
	status = check_found(virt, "", virt->virt);
	if (!status)
		status = check_conf(virt);
	if (status)
		return status;
	virt->iovs = open_directory(virt->virt, IOVS);
	return virt->iovs == -ENOENT ? EXIT_FINE : check_found(virt, IOVS, virt->iovs);
}

/*
 * Remove the symbolic links in iovs, which programs have made for their memory. Anything else
 * stays; then the directory cannot be removed either.
 */
static void remove_links(int iovs)
{
	int fd = openat(iovs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (entry = readdir(dir))) {
		struct stat st;

		if (!fstatat(iovs, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode))
			unlinkat(iovs, entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

int virt_remove(struct virt *virt)
{
	if (unlinkat(virt->virt, CONF, 0))
		return fail_at(virt, CONF, -errno);
	if (virt->iovs >= 0)
		remove_links(virt->iovs);
	if (unlinkat(virt->virt, IOVS, AT_REMOVEDIR) && errno != ENOENT)
		return fail_at(virt, IOVS, -errno);
	return unlinkat(virt->dir, VIRT, AT_REMOVEDIR) ? fail_at(virt, "", -errno) : EXIT_FINE;
}
