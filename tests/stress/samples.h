/* Times that were measured. One thread's. */
#ifndef USRBIO_TESTS_STRESS_SAMPLES_H
#define USRBIO_TESTS_STRESS_SAMPLES_H

enum { SAMPLES_MAX = 10000 };

struct samples {
	unsigned nr;
	double ms[SAMPLES_MAX]; /* those beyond are not kept */
};

void samples_add(struct samples *samples, double ms);

struct quantiles {
	double p50, p99, max;
};
/* Zeros when there are none. Sorts them. */
struct quantiles samples_quantiles(struct samples *samples);

#endif
