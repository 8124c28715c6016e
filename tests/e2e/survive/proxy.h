/*
 * What lies between a client and its server: a TCP proxy on a thread of the test, which can cut
 * what goes through it, or swallow it. Main thread only.
 */
#ifndef USRBIO_TESTS_E2E_PROXY_H
#define USRBIO_TESTS_E2E_PROXY_H

struct proxy;

/* In front of the test's server; skips the test where that is not reached by TCP. */
struct proxy *proxy_start(void);
void proxy_stop(struct proxy *proxy);
/* The mount point of the writable export through it. */
const char *proxy_mount(const struct proxy *proxy);

/*
 * Reset all connections towards the client; the server hears nothing, and goes on with what it has
 * read. Back when that has been done.
 */
void proxy_cut(struct proxy *proxy);
/* A black hole: nothing gets through, and nobody hears that. Until proxy_pass. */
void proxy_swallow(struct proxy *proxy);
void proxy_pass(struct proxy *proxy);

/* From now on, what the server says is lost. */
void proxy_lose_answers(struct proxy *proxy);
/* Reset all connections at both ends, and each new one, until proxy_up(). */
void proxy_down(struct proxy *proxy);
void proxy_up(struct proxy *proxy);

#endif
