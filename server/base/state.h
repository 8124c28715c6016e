/*
 * The state directory: what a server has to remember after a restart. Besides those of
 * state_secret.h it has two files:
 *
 *	lock	locked by the server that uses the directory
 *	losses	an id of the directory, and how many losses of data each export has had
 *
 * A file is replaced as a whole and has a checksum, so that it is the old one or the new one after
 * a crash. The server owns the state. Any thread.
 */
#ifndef USRBIO_SERVER_BASE_STATE_H
#define USRBIO_SERVER_BASE_STATE_H

#include <stdint.h>

struct state;

/*
 * Open the state directory, which is made if it does not exist, and lock it. 0 or -errno after a
 * line in the log. -EBUSY: another server uses it; -EPERM: others may change it; -EBADMSG: a file
 * is damaged or is none of this program.
 */
int state_open(const char *path, struct state **state);
/*
 * Unlock the directory for the next server, because this one ends, but threads that hang still use
 * the state. Then nothing is written any more. NULL is ignored.
 */
void state_unlock(struct state *state);
/* Unlock and close it. NULL is ignored. */
void state_close(struct state *state);

/* Return the id of the directory, a random number that is not 0; 0 for NULL. */
uint64_t state_id(const struct state *state);
/* Return how many losses an export has had; 0 for NULL. */
uint64_t state_losses(struct state *state, const char *export);
/*
 * Store the losses of an export, unless more are stored already. It blocks until they are on disk.
 * The calling thread is the server's own user. 0 or -errno, logged. NULL is ignored.
 */
int state_store(struct state *state, const char *export, uint64_t losses);

#endif
