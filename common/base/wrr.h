/*
 * Weighted turns between three levels of work, level 0 the most urgent: it goes first, but each
 * has credit for so much only, so that none starves. Credit comes back for all once nobody who has
 * work has any left. The caller serialises.
 */
#ifndef USRBIO_COMMON_BASE_WRR_H
#define USRBIO_COMMON_BASE_WRR_H

#define NR_TURNS 3

struct wrr {
	unsigned credit[NR_TURNS]; /* of each: what it may do before the others' turn */
};

void wrr_init(struct wrr *turns);
/* Whose turn it is: a level, which has credit then. busy: a bit for each with work, not 0. */
unsigned wrr_next(struct wrr *turns, unsigned busy);
/* n of it were done. */
void wrr_charge(struct wrr *turns, unsigned level, unsigned n);

#endif
