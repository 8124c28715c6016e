/* The test's server, killed and started again where it was. The test's main thread. */
#ifndef USRBIO_TESTS_E2E_AGAIN_H
#define USRBIO_TESTS_E2E_AGAIN_H

#include "client/hf3fs_usrbio.h"

struct rw;

/* After server_kill(&e2e_server) or server_stop(&e2e_server); `option`: one more, or NULL. */
void server_again_with(const char *option);
void server_again(void);
/* The server, if there is one, keeps sessions without a connection for a second from now on. */
void server_forgets_soon(void);
void server_kill_and_again(void);

enum { PIECES = 64, PIECE = 20000 };

/* PIECES I/Os of a ring of `rw`, piece by piece of file and memory, submitted. */
void pieces_submit(struct rw *rw, const struct hf3fs_ior *ior, int fd);
/* Each completes once, with this result. */
void pieces_expect(const struct hf3fs_ior *ior, int64_t result);

#endif
