/*
 * Exports whose directory another server has at the start, perhaps because it has not ended yet.
 * Clients of such an export are told to wait until the directory is free.
 */
#ifndef USRBIO_SERVER_SESSION_EXPORT_WAIT_H
#define USRBIO_SERVER_SESSION_EXPORT_WAIT_H

#include "server/session/export.h"

/*
 * Decide what to do if another server has the directory of the next export of the list, whose store
 * is open. `config` is its configuration, in an array in the order of the list. Returns 0; or
 * -EBUSY, logged: it is another export of this server that has the directory.
 */
int export_wait_decide(const struct exports *exports, const struct export_config *config,
		       struct export *export);
/* Start the thread that waits, if there is something to wait for. Returns 0 or -errno, logged. */
int export_wait_start(struct exports *exports);
/* End it by until_ns. Returns 0; or -ETIMEDOUT, logged: its file system hangs, and it goes on. */
int export_wait_stop(struct exports *exports, uint64_t until_ns);

#endif
