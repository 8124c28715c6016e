/*
 * fork(2): queue pairs, sockets, threads and registrations belong to the parent. The child forgets
 * all of them, so that it can build its own and never disturbs the parent's; and it closes its
 * copies of their descriptors, so that a connection ends with the process that made it, however
 * long a child of that process lives. Any thread.
 *
 * vfork, posix_spawn and exec need none of this: every descriptor is made with CLOEXEC.
 */
#ifndef USRBIO_COMMON_BASE_FORK_H
#define USRBIO_COMMON_BASE_FORK_H

#include <stdbool.h>

/*
 * Have `child` called in every forked child, before fork returns there; in the order of the calls
 * here. It resets static state, locks included, and frees nothing that threads of the parent may
 * have been in the middle of. Called once per function, by any thread.
 */
void fork_watch(void (*child)(void));

/* Right after a descriptor was made: children close it. Returns fd; negative ones are ignored. */
int fork_own(int fd);
/* Right before it is closed: from then on the number may be anybody's. */
void fork_disown(int fd);
/* Both: give up a descriptor and close it. */
void fork_close(int fd);

/*
 * Keep forks out of a short call into a library whose own locks would stay taken in the child for
 * ever. Not to be nested, not held while waiting for anybody. fork_release takes what fork_hold
 * returned.
 */
bool fork_hold(void);
void fork_release(bool held);

#endif
