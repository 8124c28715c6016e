/*
 * As whom a blocking thread touches names and opens files: credentials belong to threads in Linux,
 * so each takes on those of the user it works for. What has been opened is read and written without
 * them: permission is given at open.
 */
#ifndef USRBIO_SERVER_BASE_IDENTITY_H
#define USRBIO_SERVER_BASE_IDENTITY_H

#include <sys/types.h>

/* A user without any supplementary groups. */
struct identity {
	uid_t uid;
	gid_t gid;
};

/*
 * Make the calling thread, and no other, this user for the file system; NULL: the server's own
 * user. It costs nothing if the thread is that user already. 0, or -errno: the thread may be any
 * user then, must not work for a client, and has to call this again.
 */
int identity_become(const struct identity *who);

/*
 * For each thread that opens, writes or changes files for clients, and for the kernel's threads
 * that work for it: give up, for good, the right to leave set-id bits on a file that is written. Of
 * a server that is root the kernel then takes them away, as from any other user.
 */
void identity_forgo_set_id(void);

/*
 * Check that this process may act as other users, and is limited as they are then. NULL, or what it
 * lacks, for a message.
 */
const char *identity_missing(void);

#endif
