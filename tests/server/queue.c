/* The queue by priority. */
#include "server/io/queue.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "server/io/request.h"

enum { N = 400 };

Test(queue, nobody_starves_and_high_goes_first)
{
	static struct server_request reqs[NR_PRIORITIES][N];
	unsigned served[NR_PRIORITIES] = {0};
	struct queue queue;

	queue_init(&queue);
	cr_assert(queue_empty(&queue));
	cr_assert_null(queue_next(&queue));
	for (int p = 0; p < NR_PRIORITIES; p++)
		for (int i = 0; i < N; i++) {
			reqs[p][i].priority = (uint8_t)p;
			reqs[p][i].tag = (uint32_t)i;
			queue_add(&queue, &reqs[p][i]);
		}
	for (int i = 0; i < 300; i++) {
		struct server_request *req = queue_next(&queue);

		cr_assert_eq(req, queue_next(&queue), "looking changes nothing");
		cr_assert_eq(req->tag, served[req->priority]++, "in order within a priority");
		queue_charge(&queue, req);
		list_del(&req->node);
		if (i == 50)
			cr_assert_eq(served[PRIORITY_HIGH], 51);
	}
	cr_assert_gt(served[PRIORITY_HIGH], 2 * served[PRIORITY_NORMAL]);
	cr_assert_gt(served[PRIORITY_NORMAL], 2 * served[PRIORITY_LOW]);
	cr_assert_gt(served[PRIORITY_LOW], 5);
}

Test(queue, a_lone_priority_is_not_held_back)
{
	static struct server_request reqs[N];
	struct queue queue;

	queue_init(&queue);
	for (int i = 0; i < N; i++) {
		reqs[i].priority = PRIORITY_LOW;
		queue_add(&queue, &reqs[i]);
	}
	for (int i = 0; i < N; i++) {
		struct server_request *req = queue_next(&queue);

		cr_assert_eq(req, &reqs[i]);
		queue_charge(&queue, req);
		list_del(&req->node);
	}
	cr_assert(queue_empty(&queue));
}
