/*
 * Confinement of the server's program, once it has read what it needs: landlock leaves it the
 * exports and little else of the file system, no TCP but the ports it listens at, no signals to
 * others; and no new privileges. What a hole in the server could gain is then what its clients may
 * do anyway. The in-process server of loop:// belongs to somebody else's program and has none of
 * it.
 */
#ifndef USRBIO_SERVER_PROGRAM_SANDBOX_H
#define USRBIO_SERVER_PROGRAM_SANDBOX_H

#include <stdbool.h>

struct server_config;

enum sandbox { SANDBOX_ON, SANDBOX_REQUIRED, SANDBOX_OFF };

/*
 * Confine the calling thread, and with it all that it starts from now on, for good. 0; -EOPNOTSUPP:
 * the kernel cannot, which is an error in the log when it is `required`, else a warning; other
 * -errno: it should have been able to, and said no; logged.
 */
int sandbox_enter(const struct server_config *config, bool required);

#endif
