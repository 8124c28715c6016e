/*
 * The check of an answer against its call. The codec accepts what is well formed; this check
 * accepts what the server may answer to this call, so that later code can rely on an answer.
 */
#ifndef USRBIO_CLIENT_CALLS_REPLY_CHECK_H
#define USRBIO_CLIENT_CALLS_REPLY_CHECK_H

#include "proto/message.h"

/* Return NULL, or the error in the answer, for the log. No state; any thread. */
const char *reply_check(const struct call *call, const struct reply *reply);

#endif
