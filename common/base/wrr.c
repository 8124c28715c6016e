/*
 * The credits of a weighted round robin. Each queue with priorities owns a struct wrr, and protects
 * it with the lock or the thread that protects the queue.
 */
#include "common/base/wrr.h"

#include <string.h>

static const unsigned weights[WRR_LEVELS] = {64, 16, 4};

void wrr_init(struct wrr *wrr)
{
	memcpy(wrr->credit, weights, sizeof(weights));
}

unsigned wrr_next(struct wrr *wrr, unsigned busy)
{
	for (;;) {
		for (unsigned level = 0; level < WRR_LEVELS; level++)
			if (busy & 1u << level && wrr->credit[level])
				return level;
		wrr_init(wrr);
	}
}

void wrr_charge(struct wrr *wrr, unsigned level, unsigned n)
{
	wrr->credit[level] -= n < wrr->credit[level] ? n : wrr->credit[level];
}
