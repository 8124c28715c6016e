/*
 * Clients that come and go, each a process that connects, makes one exchange and exits without a
 * word. The server must be afterwards as it was after the first few. Prints one RESULT line.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/e2e/support/must.h"
#include "tests/stress/served.h"

enum { WARM_UP = 200, AT_ONCE = 8, SETTLE_MS = 3000, GROWTH_KIB = 8192 };

static const char usage[] = "usage: churn [CONNECTS]     default 2000\n";

static void connect_once(const char *mount)
{
	uint64_t ns;

	_exit(usrbio_ping(mount, &ns) != 0);
}

/* How many of them failed. */
static unsigned connects(const char *mount, unsigned n)
{
	unsigned failed = 0, running = 0;
	int status;

	while (n || running) {
		if (n && running < AT_ONCE) {
			pid_t pid = fork();

			must(pid >= 0, "fork");
			if (!pid)
				connect_once(mount);
			n--;
			running++;
			continue;
		}
		must(wait(&status) > 0, "wait");
		failed += status != 0;
		running--;
	}
	return failed;
}

static unsigned long resident_kib(pid_t pid)
{
	unsigned long size, resident;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "r");
	must(file && fscanf(file, "%lu %lu", &size, &resident) == 2, "%s", path);
	fclose(file);
	return resident * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

/* What ended connections hold goes a moment after they have ended: as few as there are then. */
static unsigned settled_fds(pid_t pid)
{
	unsigned fewest = process_fds(pid);

	for (unsigned ms = 0; ms < SETTLE_MS; ms += 50) {
		unsigned fds = process_fds(pid);

		fewest = fds < fewest ? fds : fewest;
		nap_ms(50);
	}
	return fewest;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 2000;
	unsigned failed, fds, fds_before;
	unsigned long kib, kib_before;
	struct served_place place;
	struct served served;
	char mount[200];
	bool good;
	pid_t pid;

	if (argc > 2 || !n) {
		fputs(usage, stderr);
		return 2;
	}
	served_place_make(&place, "/tmp");
	served_start(&served, served_where(), place.directory, place.log);
	pid = served.process.pid;
	snprintf(mount, sizeof(mount), "%s/stress", served.address);
	failed = connects(mount, WARM_UP);
	fds_before = settled_fds(pid); /* with what only the first client makes it open */
	kib_before = resident_kib(pid);
	failed += connects(mount, n);
	fds = settled_fds(pid);
	kib = resident_kib(pid);
	good = !failed && fds <= fds_before && kib <= kib_before + GROWTH_KIB;
	good &= !served_stop(&served);
	printf("RESULT churn %s connects=%u failed=%u fds_before=%u fds_after=%u "
	       "resident_kib_before=%lu resident_kib_after=%lu\n",
	       good ? "ok" : "FAILED", n, failed, fds_before, fds, kib_before, kib);
	if (good)
		served_place_remove(&place);
	return !good;
}
