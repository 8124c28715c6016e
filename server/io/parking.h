/*
 * Parking: requests that come while their file has a barrier wait here until it is
 * down, without a staging buffer. Each pipeline has a table, which only its worker uses.
 */
#ifndef USRBIO_SERVER_IO_PARKING_H
#define USRBIO_SERVER_IO_PARKING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/list.h"
#include "server/store/barrier.h"

struct server_request;

/* The place of a request that is parked. */
struct parking_place {
	struct barrier_waiter waiter;
	struct server_request *req;
	void (*down)(struct server_request *req);
};

struct parking {
	struct parking_place *places; /* by the request's index in the slab */
	struct list requests;
	uint32_t nr; /* in use: of these requests, and of those whose event is still to come */
};

void parking_init(struct parking *parking);
/* Allocate places for n requests. 0 or -ENOMEM. */
int parking_open(struct parking *parking, uint32_t n);
void parking_close(struct parking *parking);

/*
 * Park a request whose file has a barrier, unless that is down again: false. When it is down, the
 * request is taken out, and then down() is called.
 */
bool parking_enter(struct server_request *req, void (*down)(struct server_request *req));
/*
 * Take a parked request out, before its time. False: the barrier is down, and the event that takes
 * it out is on its way.
 */
bool parking_leave(struct server_request *req);

#endif
