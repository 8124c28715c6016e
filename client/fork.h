/*
 * fork(2): queue pairs, sockets and registrations belong to the parent. The child forgets all of
 * them, in one place, so that it can build its own and never disturbs the parent's.
 */
#ifndef USRBIO_CLIENT_FORK_H
#define USRBIO_CLIENT_FORK_H

/*
 * Have `child` called in every forked child, before fork returns there; in the order of the calls
 * here. It resets static state, locks included, and frees nothing that threads of the parent may
 * have been in the middle of. Called once per function, by any thread.
 */
void fork_watch(void (*child)(void));

#endif
