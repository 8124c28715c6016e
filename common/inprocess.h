/*
 * A server inside the calling process, behind mounts like loop:///DIR. The one seam where the
 * library meets the server's code; neither includes the other's headers.
 */
#ifndef USRBIO_COMMON_INPROCESS_H
#define USRBIO_COMMON_INPROCESS_H

#include <stdbool.h>

#define INPROCESS_EXPORT "dir" /* what it calls the directory */

struct inprocess;

/*
 * Serve a directory under a name of the loop transport that is unique in the process. Starts
 * threads, with all signals blocked. Returns when clients can connect. 0, or -errno, which is
 * logged: -ENOENT, -ENOTDIR, -EACCES for the directory, -EPERM, -ENOSYS, -ENOMEM for io_uring.
 */
int inprocess_start(const char *dir, bool read_only, const char *name, struct inprocess **server);
/* Its clients have left. Does not wait for its end; the name may be taken until then. */
void inprocess_stop(struct inprocess *server);

#endif
