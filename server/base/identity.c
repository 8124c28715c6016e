/*
 * The credentials of one thread, set by bare system calls. The setgroups() of libc would change all
 * threads, and its setuid() would change more than the user for file systems. When root becomes
 * another user this way, the kernel disables the capabilities about files, and enables them again
 * when the thread returns to root. Each thread owns its credentials.
 */
#include "server/base/identity.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/log.h"

/* The user that a thread acts as. Each thread begins as the server itself. */
static _Thread_local struct {
	bool foreign; /* it is another user than the server's, or may be one */
	bool known;
	struct identity who; /* the other user, if known is true */
} now;

/* The server's own supplementary groups, read before the first thread gives them up. */
static struct {
	pthread_once_t once;
	gid_t *list;
	int nr; /* -errno: reading them failed */
} own = {.once = PTHREAD_ONCE_INIT};

static void save_groups(void)
{
	int nr = getgroups(0, NULL);

	own.list = calloc((size_t)nr + 1, sizeof(*own.list));
	own.nr = own.list ? getgroups(nr, own.list) : -ENOMEM;
}

/*
 * Set both ids for file systems. setfsuid() and setfsgid() do not report success. A call with an
 * invalid id returns the current one, which shows it.
 */
static int set_ids(uid_t uid, gid_t gid)
{
	setfsgid(gid);
	setfsuid(uid);
	return (gid_t)setfsgid((gid_t)-1) == gid && (uid_t)setfsuid((uid_t)-1) == uid ? 0 : -EPERM;
}

static int set_all(uid_t uid, gid_t gid, int nr_groups, const gid_t *groups)
{
	if (syscall(SYS_setgroups, nr_groups, groups))
		return -errno;
	return set_ids(uid, gid);
}

int identity_become(const struct identity *who)
{
	int err;

	if (who ? now.known && now.who.uid == who->uid && now.who.gid == who->gid : !now.foreign)
		return 0;
	pthread_once(&own.once, save_groups);
	if (own.nr < 0)
		return own.nr;
	now.foreign = true;
	now.known = false;
	err = who ? set_all(who->uid, who->gid, 0, NULL)
		  : set_all(geteuid(), getegid(), own.nr, own.list);
	if (err)
		return err;
	now.foreign = who != NULL;
	now.known = who != NULL;
	if (who)
		now.who = *who;
	return 0;
}

bool identity_is_own(void)
{
	return !now.foreign;
}

static uint64_t effective_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &header, data))
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

#define CAP(name) (1ull << CAP_##name)

/*
 * The permitted set loses CAP_FSETID, too, because a thread that becomes root again gets back all
 * that is permitted.
 */
void identity_forgo_set_id(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	const uint32_t fsetid = (uint32_t)CAP(FSETID);

	if (syscall(SYS_capget, &header, data) || !(data[0].permitted & fsetid))
		return;
	data[0].effective &= ~fsetid;
	data[0].permitted &= ~fsetid;
	data[0].inheritable &= ~fsetid;
	if (syscall(SYS_capset, &header, data))
		log_warn("cannot give up CAP_FSETID: %s; set-id bits of files that clients write "
			 "stay as they are",
			 strerror(errno));
}

const char *identity_missing(void)
{
	const uint64_t change = CAP(SETUID) | CAP(SETGID);
	const uint64_t files = CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH) | CAP(FOWNER) |
			       CAP(FSETID) | CAP(CHOWN) | CAP(MAC_OVERRIDE);
	uint64_t effective = effective_capabilities();

	if ((effective & change) != change)
		return "it needs CAP_SETUID and CAP_SETGID";
	/* The kernel disables these only for root. */
	if (effective & files && (geteuid() || prctl(PR_GET_SECUREBITS) & SECBIT_NO_SETUID_FIXUP))
		return "it must not have CAP_DAC_OVERRIDE, or others about files, unless it is "
		       "root";
	return NULL;
}

bool identity_ignores_modes(void)
{
	const uint64_t needed = CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH);

	return (effective_capabilities() & needed) == needed;
}
