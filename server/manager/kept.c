/*
 * The table of descriptors that the service manager keeps. The process owns it. Any thread adds and
 * drops entries. A thread of its own closes what clients did not come for.
 */
#include "server/manager/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/lock.h"
#include "common/base/log.h"
#include "server/manager/notify.h"

#define FIRST_FD  3 /* of sd_listen_fds(3) */
#define KEPT_MAX  65536
#define NAME_SIZE 64
#define NAME_FMT  "usrbio-%016" PRIx64 "-%016" PRIx64

/* After a message that did not get through, the manager is left alone for this time. */
#define PAUSE_NS (10 * NS_PER_S)

struct kept_fd {
	struct list node; /* in `left` or `gone` */
	uint64_t number, tag;
	int fd; /* in `left` only */
};

static struct {
	struct lock lock; /* LOCK_KEPT */
	bool open;
	struct list left; /* of the server before, and not taken yet */
	struct list gone; /* closed, but the manager does not know it yet */
	unsigned nr, max; /* descriptors with the manager */
	bool leaving, said_full;
	_Atomic uint64_t silent_until_ns;
	uint64_t expire_ns;
} table = {.lock = LOCK_INIT(LOCK_KEPT)};

static unsigned number_in(const char *variable, unsigned max)
{
	const char *text = getenv(variable);
	unsigned long number = text ? strtoul(text, NULL, 10) : 0;

	return number < max ? (unsigned)number : max;
}

/* Read a name as kept_add() writes it. False: it is none. */
static bool parse(const char *name, size_t len, uint64_t *number, uint64_t *tag)
{
	char own[NAME_SIZE], copy[NAME_SIZE];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, name, len);
	copy[len] = '\0';
	if (sscanf(copy, "usrbio-%16" SCNx64 "-%16" SCNx64, number, tag) != 2)
		return false;
	snprintf(own, sizeof(own), NAME_FMT, *number, *tag);
	return !strcmp(own, copy);
}

/* Take over one descriptor, or close it. */
static void inherit(int fd, const char *name, size_t len)
{
	struct kept_fd *kept = calloc(1, sizeof(*kept));

	if (!kept || !parse(name, len, &kept->number, &kept->tag) ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC)) {
		log_warn("the service manager passed the descriptor \"%.*s\", which this server "
			 "has not left; it is closed",
			 (int)len, name);
		close(fd);
		free(kept);
		return;
	}
	kept->fd = fd;
	list_add_tail(&table.left, &kept->node);
	table.nr++;
}

static bool is_for_us(void)
{
	const char *pid = getenv("LISTEN_PID");

	return pid && strtol(pid, NULL, 10) == getpid();
}

void kept_open(void)
{
	const char *names = getenv("LISTEN_FDNAMES");
	unsigned nr = is_for_us() ? number_in("LISTEN_FDS", KEPT_MAX) : 0;

	list_init(&table.left);
	list_init(&table.gone);
	table.open = true;
	table.max = getenv("NOTIFY_SOCKET") ? number_in("FDSTORE", KEPT_MAX) : 0;
	for (unsigned i = 0; i < nr; i++) {
		size_t len = names ? strcspn(names, ":") : 0;

		inherit((int)(FIRST_FD + i), names ? names : "", len);
		if (names)
			names += len + (names[len] == ':');
	}
	if (nr)
		log_info("descriptors that the server before has left: %u", table.nr);
}

unsigned kept_max(void)
{
	return table.max;
}

uint64_t kept_number(const struct kept_fd *kept)
{
	return kept->number;
}

/* Send a message about an entry, unless the last one did not get through. Returns 0 or -errno. */
static int tell(const struct kept_fd *kept, int fd)
{
	char text[NAME_SIZE + 64];
	int err;

	if (now_ns() < atomic_load(&table.silent_until_ns))
		return -EAGAIN;
	snprintf(text, sizeof(text), "%s=1\nFDNAME=" NAME_FMT "%s",
		 fd < 0 ? "FDSTOREREMOVE" : "FDSTORE", kept->number, kept->tag,
		 fd < 0 ? "" : "\nFDPOLL=0");
	err = notify_descriptor(text, fd);
	if (!err)
		return 0;
	atomic_store(&table.silent_until_ns, now_ns() + PAUSE_NS);
	log_warn("the service manager takes no descriptors (%s); files that are opened meanwhile "
		 "may be lost at a restart",
		 strerror(-err));
	return err;
}

/* Reserve room for one more descriptor. */
static bool reserve(void)
{
	bool said;

	lock_acquire(&table.lock);
	if (table.nr < table.max && !table.leaving) {
		table.nr++;
		table.said_full = false;
		lock_release(&table.lock);
		return true;
	}
	said = table.said_full || table.leaving;
	table.said_full = true;
	lock_release(&table.lock);
	if (!said)
		log_warn("the service manager keeps %u descriptors and no more: files that are "
			 "opened now may be lost at a restart; raise FileDescriptorStoreMax= of "
			 "the unit, and FDSTORE",
			 table.max);
	return false;
}

static void unreserve(void)
{
	lock_acquire(&table.lock);
	table.nr--;
	lock_release(&table.lock);
}

/* Tell the manager of one entry that is gone, or put it where the next call finds it. */
static bool tell_gone(struct kept_fd *kept)
{
	int err = tell(kept, -1);

	if (!err) {
		unreserve();
		free(kept);
		return true;
	}
	lock_acquire(&table.lock);
	list_add_tail(&table.gone, &kept->node);
	lock_release(&table.lock);
	return false;
}

static void tell_all_gone(void)
{
	struct list *node;

	do {
		lock_acquire(&table.lock);
		node = table.leaving ? NULL : list_pop(&table.gone);
		lock_release(&table.lock);
	} while (node && tell_gone(container_of(node, struct kept_fd, node)));
}

struct kept_fd *kept_add(int fd, uint64_t number, uint64_t tag)
{
	struct kept_fd *kept;

	if (!table.max)
		return NULL;
	tell_all_gone();
	if (!reserve())
		return NULL;
	kept = calloc(1, sizeof(*kept));
	if (kept) {
		*kept = (struct kept_fd){.number = number, .tag = tag, .fd = -1};
		if (!tell(kept, fd))
			return kept;
	}
	unreserve();
	free(kept);
	return NULL;
}

void kept_drop(struct kept_fd *kept)
{
	bool leaving;

	if (!kept)
		return;
	lock_acquire(&table.lock);
	leaving = table.leaving;
	lock_release(&table.lock);
	if (leaving) {
		free(kept);
		return;
	}
	tell_all_gone();
	tell_gone(kept);
}

struct kept_fd *kept_take(uint64_t tag, int *fd)
{
	struct kept_fd *found = NULL;

	if (!table.open)
		return NULL;
	lock_acquire(&table.lock);
	list_for_each (it, &table.left) {
		struct kept_fd *kept = container_of(it, struct kept_fd, node);

		if (kept->tag != tag)
			continue;
		found = kept;
		list_del(&kept->node);
		break;
	}
	lock_release(&table.lock);
	if (found) {
		*fd = found->fd;
		found->fd = -1;
	}
	return found;
}

void kept_leave(void)
{
	lock_acquire(&table.lock);
	table.leaving = true;
	lock_release(&table.lock);
}

/* Closing may block as long as a file system hangs, so it has a thread of its own. */
static void *expire(void *arg)
{
	const struct timespec time = {.tv_sec = (time_t)(table.expire_ns / NS_PER_S),
				      .tv_nsec = (long)(table.expire_ns % NS_PER_S)};
	struct list *node;
	unsigned nr = 0;

	pthread_setname_np(pthread_self(), "usrbio-kept");
	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
	for (;;) {
		struct kept_fd *kept;

		lock_acquire(&table.lock);
		node = table.leaving ? NULL : list_pop(&table.left);
		lock_release(&table.lock);
		if (!node)
			break;
		kept = container_of(node, struct kept_fd, node);
		close(kept->fd);
		kept_drop(kept);
		nr++;
	}
	if (nr)
		log_warn("no client came for %u files that were open before the restart; they are "
			 "closed",
			 nr);
	return arg;
}

void kept_start(uint64_t expire_ns)
{
	pthread_t thread;
	int err;

	if (!table.open || list_empty(&table.left))
		return;
	table.expire_ns = expire_ns;
	err = pthread_create(&thread, NULL, expire, NULL);
	if (!err)
		pthread_detach(thread);
	else
		log_warn("cannot start a thread, so files that were open before the restart stay "
			 "open: %s",
			 strerror(err));
}
