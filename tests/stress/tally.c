/* What was counted, and the verdict. */
#include "tests/stress/tally.h"

#include <stdlib.h>

#include "tests/stress/thrasher.h"

struct tally tally;

bool tally_report(const char *name, const struct thrasher_report *report)
{
	bool good = !tally.mismatches && !tally.lost && !tally.stuck;

	printf("RESULT %s %s ops=%lu cuts=%u kills=%u stops=%u mismatches=%lu lost=%lu stuck=%lu "
	       "unknown=%lu recovery_p50_ms=%.0f recovery_p99_ms=%.0f recovery_max_ms=%.0f",
	       name, good ? "ok" : "FAILED", tally.ops, report->cuts, report->kills, report->stops,
	       tally.mismatches, tally.lost, tally.stuck, tally.unknown, report->recovery.p50,
	       report->recovery.p99, report->recovery.max);
	if (report->detection.max > 0)
		printf(" detect_p50_ms=%.0f detect_max_ms=%.0f", report->detection.p50,
		       report->detection.max);
	putchar('\n');
	return good;
}

void tally_give_up(void)
{
	static const struct thrasher_report nothing;

	tally_report("thrash-given-up", &nothing);
	exit(1);
}
