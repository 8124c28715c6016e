/* Times, kept until somebody asks for their quantiles. One thread's. */
#include "tests/stress/samples.h"

#include <stdlib.h>

void samples_add(struct samples *samples, double ms)
{
	if (samples->nr < SAMPLES_MAX)
		samples->ms[samples->nr++] = ms;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct quantiles samples_quantiles(struct samples *samples)
{
	unsigned n = samples->nr;
	struct quantiles zero = {0};

	if (!n)
		return zero;
	qsort(samples->ms, n, sizeof(*samples->ms), by_value);
	return (struct quantiles){.p50 = samples->ms[n / 2],
				  .p99 = samples->ms[n - 1 - n / 100],
				  .max = samples->ms[n - 1]};
}
