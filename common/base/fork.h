/*
 * Support for fork(2). Queue pairs, sockets, threads and registrations belong to the parent. The
 * child forgets all of them, so that it can make its own and never disturbs those of the parent. It
 * also closes its copies of their descriptors, so that a connection ends with the process that made
 * it, even if the child lives longer. Any thread may call these functions.
 *
 * vfork, posix_spawn and exec need none of this, because every descriptor is made with CLOEXEC.
 */
#ifndef USRBIO_COMMON_BASE_FORK_H
#define USRBIO_COMMON_BASE_FORK_H

#include <stdbool.h>

/*
 * Register a function that every forked child calls before fork() returns there. Such functions are
 * called in the order of registration. `child` resets static state, including locks. It frees
 * nothing that a thread of the parent may have been using. Any thread registers a function once.
 */
void fork_watch(void (*child)(void));

/*
 * Let children close a descriptor that has just been made. Returns fd. A negative fd is ignored.
 */
int fork_own(int fd);
/* Forget a descriptor right before it is closed, because its number may be used again then. */
void fork_disown(int fd);
/* Forget a descriptor and close it. */
void fork_close(int fd);

/*
 * Make forks wait during a short call into a library, because otherwise the library's locks could
 * stay locked in the child for ever. Do not nest it, and do not wait for other threads while it is
 * held. The argument of fork_release() is the result of fork_hold().
 */
bool fork_hold(void);
void fork_release(bool held);

#endif
