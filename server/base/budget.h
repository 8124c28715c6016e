/*
 * The memory budget: the number of bytes that the server may allocate for its clients. Code charges
 * it before it allocates, and gives the bytes back when it frees. This happens only when
 * connections, sessions, files and calls come and go. I/O uses memory that its connection and its
 * worker have been charged for. Any thread may use it.
 *
 * The ids of the clients share it. An eighth of it is kept for ids with less than an equal part:
 * others get nothing that would leave less. So an id that is alone gets seven eighths, and one that
 * comes later finds room at once.
 */
#ifndef USRBIO_SERVER_BASE_BUDGET_H
#define USRBIO_SERVER_BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct budget {
	size_t max;
	atomic_size_t used;
	atomic_size_t leaving; /* of `used`: becomes free soon, because others need it */
	atomic_uint nr_ids;    /* that share it now */
};

/* Take bytes if at least `leave` bytes are free afterwards. False: nothing is taken. */
bool budget_take(struct budget *budget, size_t bytes, size_t leave);
void budget_give(struct budget *budget, size_t bytes);
/* True if less is free, also soon, than is kept for ids with less than an equal part. */
bool budget_is_short(const struct budget *budget);

/* What an id has of the budget. */
struct budget_id {
	struct budget *budget;
	atomic_size_t used;
};

/* Take bytes for an id: those that are kept only if it has no more than an equal part then. */
bool budget_id_take(struct budget_id *id, size_t bytes, size_t leave);
void budget_id_give(struct budget_id *id, size_t bytes);
/* Bytes of the id become free soon, and are not its any more; or they are its again, to be given.
 */
void budget_id_leave(struct budget_id *id, size_t bytes);
void budget_id_return(struct budget_id *id, size_t bytes);
/* Take bytes for connections whose id is not known yet. They leave half of what is kept. */
bool budget_id_take_unknown(struct budget_id *unknown, size_t bytes);
/* With these bytes more, such connections would have more than that themselves. */
bool budget_id_has_unknown(const struct budget_id *unknown, size_t bytes);
/* The bytes are another id's from now on. */
void budget_id_move(struct budget_id *from, struct budget_id *to, size_t bytes);
/* True if an id has more than an equal part, or would have it with this number of bytes more. */
bool budget_id_has_more(const struct budget_id *id, size_t bytes);

/*
 * The share of one client, which counts as its id's. It may not become larger than the rest that is
 * free. So the files of a client that is alone get half of the budget. After n clients that take
 * all they can, 1 / (n + 1) is still free.
 */
struct share {
	struct budget_id *id;
	atomic_size_t used;
};

bool budget_share_take(struct share *share, size_t bytes);
void budget_share_give(struct share *share, size_t bytes);
/*
 * Take bytes out of a client's share and out of its id's, while the budget stays charged. Their new
 * owner gives them back to the budget later.
 */
void budget_share_release(struct share *share, size_t bytes);

#endif
