/*
 * Syncs of open files, and changes that a sync has to cover; see unsynced.c. Any thread except the
 * progress thread.
 */
#ifndef USRBIO_CLIENT_FILES_UNSYNCED_H
#define USRBIO_CLIENT_FILES_UNSYNCED_H

#include "client/files/file.h"

/*
 * Bring the acknowledged changes of a file to the server's disk. 0 or -errno. -EIO also means that
 * some of them may be lost: then each later sync of this open file fails, too.
 */
int file_sync(struct file *file);
/* Make a call that changes an open file. 0 or -errno, as file_call. */
int file_change(struct file *file, const struct call *call);

/* Return the number under which a change counts that is sent now; 0: it needs no sync. */
uint32_t unsynced_number(struct mount *mount);

#endif
