/*
 * Is this an answer to that call? What the codec lets through is well formed; here is what a server
 * may say to what it was asked, so that whoever gets an answer need not distrust it any more.
 */
#ifndef USRBIO_CLIENT_CALLS_REPLY_CHECK_H
#define USRBIO_CLIENT_CALLS_REPLY_CHECK_H

#include "proto/message.h"

/* NULL, or what is wrong with it, for the log. No state; any thread. */
const char *reply_check(const struct call *call, const struct reply *reply);

#endif
