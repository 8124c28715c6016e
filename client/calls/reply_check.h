/*
 * Is this an answer to that call? The codec lets through what is well formed; here it is checked
 * that the server may answer so to this call, so that later code need not distrust an answer.
 */
#ifndef USRBIO_CLIENT_CALLS_REPLY_CHECK_H
#define USRBIO_CLIENT_CALLS_REPLY_CHECK_H

#include "proto/message.h"

/* NULL, or what is wrong with it, for the log. No state; any thread. */
const char *reply_check(const struct call *call, const struct reply *reply);

#endif
