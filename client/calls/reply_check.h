/*
 * The check of an answer against its call. The codec accepts all well-formed messages. This check
 * accepts only what a server may answer to this call, so that later code can rely on it. No state;
 * any thread.
 */
#ifndef USRBIO_CLIENT_CALLS_REPLY_CHECK_H
#define USRBIO_CLIENT_CALLS_REPLY_CHECK_H

#include "proto/message.h"

/* Return NULL, or the error in the answer as text for the log. */
const char *reply_check(const struct call *call, const struct reply *reply);

#endif
