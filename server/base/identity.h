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
 * From now on the calling thread, and no other, is this user for the file system; NULL: the
 * server's own. Costs nothing when it is already. 0, or -errno: then it must not go on, as it may
 * be anybody, and has to ask again.
 */
int identity_become(const struct identity *who);

/*
 * For each thread that opens, writes or changes files for clients, and for the kernel's threads
 * that work for it: give up, for good, the right to leave set-id bits on a file that is written. Of
 * a server that is root the kernel then takes them away, as from any other user.
 */
void identity_forgo_set_id(void);

/*
 * May this process be others, and are their limits its own then? NULL, or what it lacks, for a
 * message.
 */
const char *identity_missing(void);

#endif
