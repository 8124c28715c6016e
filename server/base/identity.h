/*
 * The user as whom a job thread uses names and opens files. In Linux credentials belong to threads,
 * so a job thread takes on those of the user it works for. Reading and writing an open file needs
 * no credentials, because permission is given when it is opened.
 */
#ifndef USRBIO_SERVER_BASE_IDENTITY_H
#define USRBIO_SERVER_BASE_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

/* A user without any supplementary groups. */
struct identity {
	uid_t uid;
	gid_t gid;
};

/*
 * Make the calling thread, and no other, this user for file systems; NULL is the server's own user.
 * If the thread is that user already, no system call is made. Returns 0, or -errno: then the thread
 * may be any user, must not work for a client, and has to call this again.
 */
int identity_become(const struct identity *who);

/*
 * True if the calling thread is the server itself. Only such a thread may start another one, which
 * inherits its user.
 */
bool identity_is_own(void);

/*
 * Give up, for ever, the right to keep set-id bits on a file that is written. Every thread that
 * opens, writes or changes files for clients calls this. It also holds for the kernel's threads
 * that work for it. Then the kernel removes these bits when a server that is root writes, as it
 * does for other users.
 */
void identity_forgo_set_id(void);

/*
 * Check that this process may act as other users, and that it is then limited as they are. Returns
 * NULL, or the reason why not, for a message.
 */
const char *identity_missing(void);

/* True if modes of files do not limit this process. For its first thread, at the start. */
bool identity_ignores_modes(void);

#endif
