/* Weighted turns. One lives in each queue that knows priorities, under whatever protects that. */
#include "common/base/wrr.h"

#include <string.h>

static const unsigned weights[NR_TURNS] = {64, 16, 4};

void wrr_init(struct wrr *turns)
{
	memcpy(turns->credit, weights, sizeof(weights));
}

unsigned wrr_next(struct wrr *turns, unsigned busy)
{
	for (;;) {
		for (unsigned level = 0; level < NR_TURNS; level++)
			if (busy & 1u << level && turns->credit[level])
				return level;
		wrr_init(turns);
	}
}

void wrr_charge(struct wrr *turns, unsigned level, unsigned n)
{
	turns->credit[level] -= n < turns->credit[level] ? n : turns->credit[level];
}
