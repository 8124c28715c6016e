/*
 * Secrets in the state directory (--state), one in each file. A file is written beside its place
 * and then linked there, so a crash leaves none or all of it.
 */
#ifndef USRBIO_SERVER_BASE_STATE_SECRET_H
#define USRBIO_SERVER_BASE_STATE_SECRET_H

#include "common/auth/secret.h"

/*
 * Read the secret of the file NAME.key in the directory, which is made at the first time. Returns
 * 0, or -errno after a line in the log.
 */
int state_secret(const char *dir, const char *name, struct secret *secret);

#endif
