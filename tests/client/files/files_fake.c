/* The fake mount: one object per mount point, never freed. */
#include "files_fake.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/files/file.h"
#include "client/files/reopen.h"
#include "client/files/unsynced.h"
#include "common/host/host.h"

struct mount {
	struct mountspec spec;
};

struct fake fake;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mount mounts[8];
static _Atomic uint64_t next_handle = 1;

void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.mode = S_IFREG | 0644;
}

int mount_get_spec(const struct mountspec *spec, struct mount **mount)
{
	int i = 0;

	pthread_mutex_lock(&lock);
	while (*mounts[i].spec.mount_point && strcmp(mounts[i].spec.mount_point, spec->mount_point))
		i++;
	/* Calls under way read what is known already. */
	if (!*mounts[i].spec.mount_point || strcmp(mounts[i].spec.dir, spec->dir))
		mounts[i].spec = *spec;
	pthread_mutex_unlock(&lock);
	*mount = &mounts[i];
	fake.mounts++;
	return 0;
}

bool mount_serving(const char *path, struct mountspec *spec, const char **rest)
{
	(void)path;
	(void)spec;
	(void)rest;
	return false;
}

bool mount_same(const struct mount *mount, const struct mount *other)
{
	return mount == other;
}

struct mount *mount_hold(struct mount *mount)
{
	fake.mounts++;
	return mount;
}

void mount_put(struct mount *mount)
{
	(void)mount;
	fake.mounts--;
}

int mount_reserve_close(struct mount *mount)
{
	(void)mount;
	fake.reserved++;
	return 0;
}

void mount_release_close(struct mount *mount)
{
	(void)mount;
	fake.reserved--;
}

void mount_close_handle(struct mount *mount, uint64_t session, uint64_t handle)
{
	(void)mount;
	(void)handle;
	fake.reserved--;
	if (session == 7)
		fake.handles--;
}

static void keep(char *to, const struct bytes *from)
{
	if (from->len)
		memcpy(to, from->data, from->len);
	to[from->len] = '\0';
}

static void remember(const struct mount *mount, const struct call *call)
{
	fake.op = call->op;
	fake.flags = call->flags;
	fake.call_mode = call->mode;
	fake.file = call->file;
	fake.at = call->at;
	fake.at2 = call->at2;
	fake.len = call->len;
	fake.off = call->off;
	keep(fake.path, &call->path);
	keep(fake.path2, &call->path2);
	strcpy(fake.mount_point, mount->spec.mount_point);
	fake.nr_ranges = call->nr_ranges;
	if (call->nr_ranges)
		memcpy(fake.range, call->range, call->nr_ranges * 2 * sizeof(uint64_t));
}

static void answer_readdir(uint64_t off, struct reply *reply)
{
	static const uint32_t types[16] = {4, 8, 10};

	reply->names = (struct bytes){(const uint8_t *)fake.dir[off].names, fake.dir[off].len};
	reply->types = types;
	reply->nr_types = fake.dir[off].n;
	reply->next = off < 3 && fake.dir[off + 1].names ? off + 1 : 0;
}

/* What lies below a mounted directory has its own number. */
static void identify(const struct mount *mount, const struct call *call, struct file_attr *attr)
{
	char path[2 * PATH_MAX];
	struct stat st;

	if (!*mount->spec.dir)
		return;
	snprintf(path, sizeof(path), "%s/%.*s", mount->spec.dir, (int)call->path.len,
		 (const char *)call->path.data);
	if (stat(path, &st))
		return;
	attr->ino = st.st_ino + fake.other_ino;
	attr->dev = st.st_dev + fake.other_dev;
}

struct session *mount_to_session(struct mount *mount)
{
	(void)mount;
	return NULL;
}

bool reopen_add(struct session *session, struct file *file)
{
	(void)session;
	return file->remote.session == 7;
}

void reopen_remove(struct session *session, struct file *file)
{
	(void)session;
	(void)file;
}

void reopen_path(struct session *session, const struct file *file, char *path, size_t size)
{
	(void)session;
	snprintf(path, size, "%s", file->path);
}

void reopen_renamed(struct session *session, const char *from, const char *to, bool exchanged)
{
	(void)session;
	(void)from;
	(void)to;
	(void)exchanged;
}

int mount_call_file(struct mount *mount, const struct remote_file *file, const struct call *call,
		    struct answer *answer)
{
	struct call named = *call;

	named.file = file->handle;
	return mount_call(mount, &named, answer);
}

/* What client/files/unsynced.c does is a test of the whole library. */
int file_sync(struct file *file)
{
	const struct call call = {.op = CALL_FSYNC};

	return file_call(file, &call, NULL);
}

int file_change(struct file *file, const struct call *call)
{
	return file_call(file, call, NULL);
}

uint32_t unsynced_number(struct mount *mount)
{
	(void)mount;
	return 0;
}

int mount_call_at(struct mount *mount, const struct remote_file *at, const struct remote_file *at2,
		  const struct call *call, struct answer *answer)
{
	struct call named = *call;

	named.at = at->handle;
	named.at2 = at2 ? at2->handle : 0;
	return mount_call(mount, &named, answer);
}

int mount_call(struct mount *mount, const struct call *call, struct answer *answer)
{
	fake.calls++;
	if (!fake.quiet)
		remember(mount, call);
	if (fake.status)
		return fake.status;
	if (call->op == CALL_OPEN)
		fake.handles++;
	if (!answer)
		return 0;
	memset(&answer->reply, 0, sizeof(answer->reply));
	answer->session = 7;
	answer->host = host_id() + fake.other_host;
	answer->reply.file = next_handle++;
	answer->reply.attr_valid = 1;
	answer->reply.attr = (struct file_attr){.mode = fake.mode,
						.nlink = 2,
						.uid = 3,
						.gid = 4,
						.ino = 5,
						.dev = 6,
						.size = 7,
						.blocks = 8,
						.atime_ns = 9,
						.mtime_ns = 10,
						.ctime_ns = 11};
	if (call->op == CALL_OPEN)
		identify(mount, call, &answer->reply.attr);
	if (call->op == CALL_READDIR)
		answer_readdir(call->off, &answer->reply);
	return 0;
}
