/*
 * The rates of an id. A bucket is one number: the time at which all that was taken is paid for. A
 * full bucket is one for which that is RATES_BURST_NS ago or more. Any thread may use it, and there
 * is no lock, because workers take for each segment.
 */
#include "server/account/rates.h"

#include "common/base/clock.h"

void rates_limit(struct rates *rates, const uint64_t per_s[NR_RATES])
{
	for (int i = 0; i < NR_RATES; i++)
		atomic_store_explicit(&rates->per_s[i], per_s[i], memory_order_relaxed);
}

static void pay(atomic_ullong *paid_ns, uint64_t price_ns, uint64_t now_ns)
{
	uint64_t full_ns = now_ns - RATES_BURST_NS;
	unsigned long long paid = atomic_load_explicit(paid_ns, memory_order_relaxed);

	while (!atomic_compare_exchange_weak_explicit(paid_ns, &paid,
						      (paid > full_ns ? paid : full_ns) + price_ns,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

uint64_t rates_take(struct rates *rates, const uint64_t amount[NR_RATES], uint64_t now_ns)
{
	uint64_t per_s[NR_RATES], due_ns = 0;

	for (int i = 0; i < NR_RATES; i++) {
		uint64_t paid = atomic_load_explicit(&rates->paid_ns[i], memory_order_relaxed);

		per_s[i] = atomic_load_explicit(&rates->per_s[i], memory_order_relaxed);
		if (per_s[i] && paid > now_ns && paid > due_ns)
			due_ns = paid;
	}
	if (due_ns) {
		atomic_fetch_add_explicit(&rates->nr_waits, 1, memory_order_relaxed);
		return due_ns;
	}
	for (int i = 0; i < NR_RATES; i++)
		if (per_s[i])
			pay(&rates->paid_ns[i], amount[i] * NS_PER_S / per_s[i], now_ns);
	return 0;
}
