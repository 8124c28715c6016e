/*
 * The end of the process: an exit handler tells the servers of all mounts that their sessions end,
 * so that these need not be kept. Exit handlers that run later, and other threads, may still use
 * the library: it then begins new sessions. A process that ends in another way tells nobody.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "client/mount/mount.h"
#include "client/session/session.h"

static void tell(struct mount *mount, bool first, void *until)
{
	if (first)
		session_goodbye(mount_to_session(mount), *(const uint64_t *)until);
}

/* The progress thread drives the connections meanwhile. */
static void await(struct mount *mount, bool first, void *until)
{
	if (first)
		session_await_end(mount_to_session(mount), *(const uint64_t *)until);
}

static void at_exit(void)
{
	uint64_t until = now_ns() + GOODBYE_NS;

	mount_each(tell, &until);
	mount_each(await, &until);
}

static void begin(void)
{
	static atomic_bool begun;

	if (!atomic_exchange(&begun, true))
		atexit(at_exit);
}

static void __attribute__((constructor)) use_mounts(void)
{
	mount_on_first(begin);
}
