/*
 * Counts of latencies in buckets with a width of 1/64 of their value, so that percentiles are
 * within 1.6 %.
 */
#ifndef USRBIO_TOOL_HISTOGRAM_H
#define USRBIO_TOOL_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS	  6
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

struct histogram {
	uint64_t total, sum, max;
	uint64_t count[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* Return the value that `fraction` (0.99) of all values do not exceed; 0 if it is empty. */
uint64_t histogram_percentile(const struct histogram *histogram, double fraction);

#endif
