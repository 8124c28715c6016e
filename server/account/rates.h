/*
 * The rates of an id: how many bytes and how many I/Os it may have in a second, as two token
 * buckets. A bucket holds the tokens of RATES_BURST_NS. What begins when it has any takes its whole
 * price, and what begins later waits until that is paid. So an I/O of any size begins some time.
 *
 * An account owns its rates, and any thread may use them. Threads that take at the same moment may
 * each begin one thing more, for which later ones wait.
 */
#ifndef USRBIO_SERVER_ACCOUNT_RATES_H
#define USRBIO_SERVER_ACCOUNT_RATES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RATES_BURST_NS 100000000ull

enum rate {
	RATE_BYTES,
	RATE_IOS,
	NR_RATES,
};

struct rates {
	atomic_ullong per_s[NR_RATES];	 /* 0: no limit */
	atomic_ullong paid_ns[NR_RATES]; /* when what was taken so far is paid for */
	atomic_ullong nr_waits;		 /* things that had to wait, each time that it was tried */
};

/* Set the limits in a second; 0: none. What was taken so far stays taken. */
void rates_limit(struct rates *rates, const uint64_t per_s[NR_RATES]);
/* True if there is a limit. */
static inline bool rates_are_limited(const struct rates *rates)
{
	return atomic_load_explicit(&rates->per_s[RATE_BYTES], memory_order_relaxed) ||
	       atomic_load_explicit(&rates->per_s[RATE_IOS], memory_order_relaxed);
}

/*
 * Take these amounts at the time now_ns. Returns 0 if they are taken; else nothing is, and they may
 * be there at the time that is returned.
 */
uint64_t rates_take(struct rates *rates, const uint64_t amount[NR_RATES], uint64_t now_ns);

#endif
