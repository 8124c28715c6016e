/*
 * Weighted round robin between three levels of work. Level 0 is the most urgent and goes first, but
 * each level has a limited credit, so that every level makes progress. All levels get new credit
 * when no level with work has any left. The caller serialises.
 */
#ifndef USRBIO_COMMON_BASE_WRR_H
#define USRBIO_COMMON_BASE_WRR_H

#define WRR_LEVELS 3

struct wrr {
	unsigned credit[WRR_LEVELS]; /* the units of work that each level may still do */
};

void wrr_init(struct wrr *wrr);
/* Get the level to serve next, which has credit. `busy` has a bit for each level with work. */
unsigned wrr_next(struct wrr *wrr, unsigned busy);
/* Take n units of work from the credit of the level. */
void wrr_charge(struct wrr *wrr, unsigned level, unsigned n);

#endif
