/*
 * A server inside the calling process, for mounts like loop:///DIR. This is the only header by
 * which the library uses the server's code. Neither includes the other's headers.
 */
#ifndef USRBIO_COMMON_INPROCESS_H
#define USRBIO_COMMON_INPROCESS_H

#include <stdbool.h>

#define INPROCESS_EXPORT "dir" /* the name of its export */

struct inprocess;

/*
 * Serve a directory under a name of the loop transport that is unique in the process. It starts
 * threads, with all signals blocked, and returns when clients can connect. Returns 0, or -errno,
 * logged: -ENOENT, -ENOTDIR, -EACCES for the directory, -EPERM, -ENOSYS, -ENOMEM for io_uring.
 */
int inprocess_start(const char *dir, bool read_only, const char *name, struct inprocess **server);
/*
 * Stop a server whose clients have left; NULL is ignored. It does not wait until the server has
 * ended, and until then the name may still be in use. While a file system hangs, the server stays,
 * with its threads, memory and descriptors. Only if there is no thread for this does it wait, a few
 * seconds, and what hangs then stays for good.
 */
void inprocess_stop(struct inprocess *server);

#endif
