/*
 * Descriptors of open files that the service manager keeps for the next server: the FDSTORE of
 * systemd (sd_notify(3), sd_listen_fds(3)). The manager has as many as FileDescriptorStoreMax= of
 * the unit allows, and the variable FDSTORE tells that number.
 *
 * A kept descriptor has a name, by which the manager returns and removes it. The name has a random
 * number and a tag: what the store looks for when a client opens the file again. The manager is not
 * trusted to return what it got: the store checks each descriptor before it uses it.
 *
 * Only the program usrbio-server opens this. Without that nothing is kept, and nothing is left.
 */
#ifndef USRBIO_SERVER_MANAGER_KEPT_H
#define USRBIO_SERVER_MANAGER_KEPT_H

#include <stdbool.h>
#include <stdint.h>

struct kept_fd;

/*
 * Take over what the server before has left, and learn how much may be kept. Call it after
 * notify_open(), before the first thread. It does not touch the files.
 */
void kept_open(void);
/*
 * Forget what clients do not come for within this time. The thread for this is started here, so
 * call it when the server is in its sandbox.
 */
void kept_start(uint64_t expire_ns);
/* Let the manager keep what is open from now on, because the server ends. */
void kept_leave(void);

/* The most descriptors that the manager keeps; 0: none. */
unsigned kept_max(void);
/* Give a descriptor to the manager; the caller keeps its own. NULL: it is not kept. Any thread. */
struct kept_fd *kept_add(int fd, uint64_t number, uint64_t tag);
/* Tell the manager that the file is closed. NULL is ignored. Any thread. */
void kept_drop(struct kept_fd *kept);
/*
 * Find a descriptor with this tag that the server before has left, and take it. Returns NULL, or
 * what is to be dropped later, with the descriptor, which belongs to the caller. Any thread.
 */
struct kept_fd *kept_take(uint64_t tag, int *fd);
/* The number with which it was added. */
uint64_t kept_number(const struct kept_fd *kept);

#endif
