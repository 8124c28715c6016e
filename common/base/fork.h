/*
 * fork(2). Queue pairs, sockets, threads and registrations belong to the parent. The child forgets
 * all of them, so that it can make its own and never disturbs those of the parent. It also closes
 * its copies of their descriptors, so that a connection ends with the process that made it, even if
 * the child lives longer. Any thread.
 *
 * vfork, posix_spawn and exec need none of this, because every descriptor is made with CLOEXEC.
 */
#ifndef USRBIO_COMMON_BASE_FORK_H
#define USRBIO_COMMON_BASE_FORK_H

#include <stdbool.h>

/*
 * Have `child` called in every forked child, before fork returns there; the functions are called in
 * the order of registration. `child` resets static state, including locks, and frees nothing that a
 * thread of the parent may have been using. Called once per function, by any thread.
 */
void fork_watch(void (*child)(void));

/*
 * Let children close a descriptor that has just been made. Returns fd; negative ones are ignored.
 */
int fork_own(int fd);
/* Forget a descriptor right before it is closed, because its number may be used again then. */
void fork_disown(int fd);
/* Forget a descriptor and close it. */
void fork_close(int fd);

/*
 * Keep forks out of a short call into a library, because its own locks would stay taken in the
 * child forever. Do not nest it, and do not wait for other threads while it is held. fork_release
 * takes what fork_hold returned.
 */
bool fork_hold(void);
void fork_release(bool held);

#endif
