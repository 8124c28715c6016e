/*
 * The memory budget: the number of bytes that the server may allocate for its clients. Code charges
 * it before it allocates, and gives the bytes back when it frees. This happens only when
 * connections, sessions, files and calls come and go. I/O uses memory that its connection and its
 * worker have been charged for. Any thread may use it.
 */
#ifndef USRBIO_SERVER_BASE_BUDGET_H
#define USRBIO_SERVER_BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct budget {
	size_t max;
	atomic_size_t used;
};

/* Take bytes if at least `leave` bytes are free afterwards. False: nothing is taken. */
bool budget_take(struct budget *budget, size_t bytes, size_t leave);
void budget_give(struct budget *budget, size_t bytes);

/* Take bytes for a new client, if an eighth of the budget is left to those that are connected. */
bool budget_take_new(struct budget *budget, size_t bytes);

/*
 * The share of one client. It may not become larger than the rest that is free. So a client that is
 * alone gets half of the budget. After n clients that take all they can, 1 / (n + 1) is still free.
 */
struct share {
	struct budget *budget;
	atomic_size_t used;
};

bool budget_share_take(struct share *share, size_t bytes);
void budget_share_give(struct share *share, size_t bytes);
/*
 * Take bytes out of a client's share, while the budget stays charged. Their new owner gives them
 * back to the budget later.
 */
void budget_share_release(struct share *share, size_t bytes);

#endif
