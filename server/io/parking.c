/* Parking at barriers. The pipeline owns the places; its worker's thread runs this. */
#include "server/io/parking.h"

#include <errno.h>
#include <stdlib.h>

#include "server/io/pipeline.h"
#include "server/io/request.h"
#include "server/session/file.h"
#include "server/store/store.h"
#include "server/worker/worker.h"

void parking_init(struct parking *parking)
{
	list_init(&parking->requests);
}

int parking_open(struct parking *parking, uint32_t n)
{
	parking->places = calloc(n, sizeof(*parking->places));
	return parking->places ? 0 : -ENOMEM;
}

void parking_close(struct parking *parking)
{
	free(parking->places);
	parking->places = NULL;
}

static struct parking_place *place_of(const struct server_request *req)
{
	return &req->pipeline->parking.places[req - req->pipeline->slab];
}

static void take_out(struct server_request *req)
{
	req->parked = false;
	req->pipeline->parking.nr--;
	peer_touch(&req->pipeline->peer);
}

/* The barrier is down. It may be up again by now; then the request comes back. */
static void barrier_down(struct ev *ev, int32_t res)
{
	struct parking_place *place = container_of(ev, struct parking_place, waiter.ev);

	(void)res;
	take_out(place->req);
	place->down(place->req);
}

bool parking_enter(struct server_request *req, void (*down)(struct server_request *req))
{
	struct pipeline *pipeline = req->pipeline;
	struct parking_place *place = place_of(req);

	*place = (struct parking_place){
		.waiter = {.until_ns = BARRIER_ALL,
			   .loop = pipeline->peer.worker->loop,
			   .ev.fn = barrier_down},
		.req = req,
		.down = down,
	};
	if (!barrier_wait(req->file->store_file->barrier, &place->waiter))
		return false;
	req->queued = false;
	req->parked = true;
	list_move_tail(&pipeline->parking.requests, &req->node);
	pipeline->parking.nr++;
	return true;
}

bool parking_leave(struct server_request *req)
{
	if (!barrier_cancel(&place_of(req)->waiter))
		return false;
	take_out(req);
	return true;
}
