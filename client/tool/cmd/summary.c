/* The summary of cp and sync. No state; the main thread. */
#include <stdio.h>

#include "client/tool/base/show.h"
#include "client/tool/base/tool.h"
#include "client/tool/cmd/copying.h"

static void report_json(const struct copy_totals *totals, double seconds)
{
	printf("{\"files\": %llu, \"bytes\": %llu, \"verified_bytes\": %llu, "
	       "\"failed\": %llu, \"seconds\": %.6f, \"mib_per_s\": %.1f, "
	       "\"ios\": %llu, \"iops\": %.0f, \"p99_us\": %.1f, ",
	       (unsigned long long)totals->files, (unsigned long long)totals->bytes,
	       (unsigned long long)totals->verified, (unsigned long long)totals->failed, seconds,
	       (double)totals->bytes / (1 << 20) / seconds, (unsigned long long)totals->times.total,
	       (double)totals->times.total / seconds,
	       (double)histogram_percentile(&totals->times, 0.99) / 1e3);
	printf("\"links\": %llu, \"hard_links\": %llu, \"directories\": %llu, \"kept\": %llu, "
	       "\"adjusted\": %llu, \"deleted\": %llu, \"special\": %llu}\n",
	       (unsigned long long)totals->links, (unsigned long long)totals->names,
	       (unsigned long long)totals->directories, (unsigned long long)totals->kept,
	       (unsigned long long)totals->adjusted, (unsigned long long)totals->deleted,
	       (unsigned long long)totals->special);
}

/* Print a number of objects with a comma before it, unless it is 0. */
static void print_count(uint64_t n, const char *one, const char *several)
{
	if (n)
		printf(", %llu %s", (unsigned long long)n, n == 1 ? one : several);
}

/* True if nothing in the target was made, changed or deleted. */
static bool is_idle(const struct copy_totals *totals)
{
	return !totals->files && !totals->links && !totals->names && !totals->directories &&
	       !totals->adjusted && !totals->deleted;
}

/* Print the totals. Without copied bytes there is no rate. */
static void report_text(const struct copy_totals *totals, double seconds, bool verified)
{
	double bytes = (double)totals->bytes;
	char size[24], rate[24];

	printf("%llu file%s, %s in %.3f s", (unsigned long long)totals->files,
	       totals->files == 1 ? "" : "s", show_bytes(bytes, size), seconds);
	if (totals->bytes)
		printf(", %s/s", show_bytes(bytes / seconds, rate));
	print_count(totals->links, "symbolic link", "symbolic links");
	print_count(totals->names, "hard link", "hard links");
	print_count(totals->directories, "new directory", "new directories");
	print_count(totals->deleted, "deleted", "deleted");
	print_count(totals->kept, "kept", "kept");
	print_count(totals->adjusted, "with new attributes", "with new attributes");
	puts(verified ? ", verified" : "");
}

void summary_print(const struct copying *copying, const struct copy_totals *totals, int status,
		   uint64_t ns)
{
	double seconds = (double)ns / 1e9;

	if (totals->special)
		fail_text("devices, FIFOs and sockets are left out: %llu",
			  (unsigned long long)totals->special);
	/* If nothing was copied, the reason has been reported. */
	if (copying->json)
		report_json(totals, seconds);
	else if (!copying->quiet && copying->config.mirror && !status && is_idle(totals))
		printf("nothing to do: %llu file%s up to date\n", (unsigned long long)totals->kept,
		       totals->kept == 1 ? " is" : "s are");
	else if (!copying->quiet && (totals->files || !status))
		report_text(totals, seconds, copying->config.verify);
}
