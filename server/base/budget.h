/*
 * The server's memory as one number: what it may allocate for its clients, charged before it is
 * allocated and given back when it is freed. Only in slow paths: when connections, sessions, files
 * and calls come and go; I/O uses what its connection and its worker have been charged for. Any
 * thread.
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

/* Take bytes if as many as `leave` are free afterwards. */
bool budget_take(struct budget *budget, size_t bytes, size_t leave);
void budget_give(struct budget *budget, size_t bytes);

/* The same for a new client, which leaves an eighth of the budget to those that are connected. */
bool budget_take_new(struct budget *budget, size_t bytes);

/*
 * One client's part, which is refused more than it leaves free: alone it gets half, and after n
 * that take what they can there is still 1 / (n + 1) for the next.
 */
struct share {
	struct budget *budget;
	atomic_size_t used;
};

bool budget_share_take(struct share *share, size_t bytes);
void budget_share_give(struct share *share, size_t bytes);
/*
 * Take bytes out of a client's share but not yet out of the budget: their new owner gives them
 * back.
 */
void budget_share_release(struct share *share, size_t bytes);

#endif
