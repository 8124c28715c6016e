/*
 * The state that all open files of an inode share: its barrier, and whether a sync has failed. The
 * kernel reports a failure once to each descriptor and then forgets it, although the data is lost.
 * So it is kept here until the file is opened again. The store owns the table, and any thread uses
 * it under its lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "common/base/list.h"
#include "server/store/barrier.h"
#include "server/store/fence.h"
#include "server/store/posix/posix.h"

struct posix_inode {
	struct list node; /* in its bucket */
	dev_t dev;
	ino_t ino;
	unsigned nr_files;
	struct store_barrier *barrier; /* also that of its successor, once it is poisoned */
	atomic_bool poisoned;
};

void posix_inodes_open(struct posix_inodes *inodes)
{
	lock_init(&inodes->lock, LOCK_INODES);
	for (int i = 0; i < POSIX_INODE_BUCKETS; i++)
		list_init(&inodes->buckets[i]);
}

void posix_inodes_close(struct posix_inodes *inodes)
{
	lock_destroy(&inodes->lock);
}

/* Find an inode that is not poisoned; NULL: there is none. The caller holds the lock. */
static struct posix_inode *find(struct list *bucket, const struct stat *st)
{
	list_for_each (it, bucket) {
		struct posix_inode *inode = container_of(it, struct posix_inode, node);

		if (inode->dev == st->st_dev && inode->ino == st->st_ino &&
		    !atomic_load(&inode->poisoned))
			return inode;
	}
	return NULL;
}

static struct posix_inode *make(struct list *bucket, const struct stat *st)
{
	struct posix_inode *inode = calloc(1, sizeof(*inode));

	if (!inode)
		return NULL;
	inode->dev = st->st_dev;
	inode->ino = st->st_ino;
	inode->barrier = barrier_get(st->st_dev, st->st_ino);
	if (!inode->barrier) {
		free(inode);
		return NULL;
	}
	list_add_tail(bucket, &inode->node);
	return inode;
}

struct posix_inode *posix_inode_get(struct posix_inodes *inodes, const struct stat *st)
{
	struct list *bucket = &inodes->buckets[st->st_ino % POSIX_INODE_BUCKETS];
	struct posix_inode *inode;

	lock_acquire(&inodes->lock);
	inode = find(bucket, st);
	if (!inode)
		inode = make(bucket, st);
	if (inode)
		inode->nr_files++;
	lock_release(&inodes->lock);
	return inode;
}

void posix_inode_put(struct posix_inodes *inodes, struct posix_inode *inode)
{
	bool last;

	lock_acquire(&inodes->lock);
	last = !--inode->nr_files;
	if (last)
		list_del(&inode->node);
	lock_release(&inodes->lock);
	if (!last)
		return;
	barrier_put(inode->barrier);
	free(inode);
}

struct store_barrier *posix_inode_barrier(const struct posix_inode *inode)
{
	return inode->barrier;
}

/*
 * Get what names an inode. It does not change, so the file system need not be asked. Where a filter
 * refuses statx(), fstat() asks it all the same. Returns 0 or -errno.
 */
static int identify(int fd, struct fence_inode *inode)
{
	struct statx stx;
	struct stat st;

	if (!statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &stx)) {
		*inode = (struct fence_inode){makedev(stx.stx_dev_major, stx.stx_dev_minor),
					      stx.stx_ino};
		return 0;
	}
	if (fstat(fd, &st))
		return -errno;
	*inode = (struct fence_inode){st.st_dev, st.st_ino};
	return 0;
}

int posix_inode_enter(const int *fds, unsigned n)
{
	struct fence_inode inodes[FENCE_INODES_MAX];
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = identify(fds[i], &inodes[i]);
	return err ? err : fence_enter(inodes, n);
}

void posix_inode_poison(struct posix_inode *inode)
{
	atomic_store(&inode->poisoned, true);
}

bool posix_inode_poisoned(const struct posix_inode *inode)
{
	return atomic_load(&inode->poisoned);
}
