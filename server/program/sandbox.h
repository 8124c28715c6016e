/*
 * The sandbox of the program usrbio-server. When the server has read what it needs, it gives up the
 * rest: landlock leaves it the exports and little else of the file system, no TCP except the ports
 * it listens at, and no signals to other processes. It also gains no new privileges. An attacker
 * who takes over the server can then do little more than its clients may do. The in-process server
 * of loop:// runs in the program of a user and has no sandbox.
 */
#ifndef USRBIO_SERVER_PROGRAM_SANDBOX_H
#define USRBIO_SERVER_PROGRAM_SANDBOX_H

#include <stdbool.h>

struct server_config;

enum sandbox { SANDBOX_ON, SANDBOX_REQUIRED, SANDBOX_OFF };

/*
 * Confine the calling thread, and all threads that it starts from now on, for ever. Returns 0.
 * -EOPNOTSUPP: the kernel cannot do this; the log has an error if the sandbox is `required`, else a
 * warning. Other -errno: the kernel refused although it should be able to; the log has an error.
 */
int sandbox_enter(const struct server_config *config, bool required);

#endif
