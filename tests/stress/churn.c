/*
 * Clients that come and go, each a process that connects, makes one exchange and exits without a
 * word. The server must be afterwards as it was after the first few. Prints one RESULT line.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/usrbio.h"
#include "tests/support/must.h"
#include "tests/stress/served.h"

/* Malloc may keep 8 MiB more or less than before; of one connection 35 KiB are resident. */
enum { WARM_UP = 200, AT_ONCE = 8, SETTLE_MS = 3000, GROWTH_KIB = 12288 };

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

/* What the RDMA devices have: "0:rxe0:pd:3,cq:2,...", without spaces; "none" over tcp. */
static void look_at_devices(char *text, size_t size)
{
	char *to = text;

	snprintf(text, size, "none");
	if (strncmp(served_where(), "rdma", 4))
		return;
	must(!run_into(text, size, "/usr/bin/rdma", "resource", "show"), "rdma resource show");
	for (const char *from = text; *from; from++)
		if (!isspace((unsigned char)*from))
			*to++ = *from;
		else if (to > text && isalpha((unsigned char)to[-1]))
			*to++ = ':';
		else if (to > text && isdigit((unsigned char)to[-1]))
			*to++ = ',';
	*to = '\0';
}

/* What a server holds, on behalf of others and of itself. */
struct held {
	unsigned fds;
	unsigned long kib; /* resident */
	char devices[400];
};

/*
 * What ended connections hold goes a moment after they have ended: as few as there are then, and,
 * if there was a look before, until the devices are as they were.
 */
static void settle(pid_t pid, const struct held *before, struct held *held)
{
	unsigned fds;

	held->fds = process_fds(pid);
	for (unsigned ms = 0; ms < SETTLE_MS; ms += 50) {
		nap_ms(50);
		fds = process_fds(pid);
		held->fds = fds < held->fds ? fds : held->fds;
		look_at_devices(held->devices, sizeof(held->devices));
		if (before && fds <= before->fds && !strcmp(held->devices, before->devices))
			break;
	}
	held->kib = resident_kib(pid);
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 2000;
	struct held before, after;
	struct served_place place;
	struct served served;
	unsigned failed;
	char mount[200];
	bool good;

	if (argc > 2 || !n) {
		fputs(usage, stderr);
		return 2;
	}
	served_place_make(&place, "/tmp");
	served_start(&served, served_where(), place.directory, place.log, "--session-time=1");
	snprintf(mount, sizeof(mount), "%s/stress", served.address);
	failed = connects(mount, WARM_UP);
	settle(served.process.pid, NULL, &before); /* with what only the first ones make it open */
	failed += connects(mount, n);
	settle(served.process.pid, &before, &after);
	good = !failed && after.fds <= before.fds && after.kib <= before.kib + GROWTH_KIB &&
	       !strcmp(before.devices, after.devices);
	good &= !served_stop(&served);
	printf("RESULT churn %s connects=%u failed=%u fds_before=%u fds_after=%u "
	       "resident_kib_before=%lu resident_kib_after=%lu rdma_before=%s rdma_after=%s\n",
	       good ? "ok" : "FAILED", n, failed, before.fds, after.fds, before.kib, after.kib,
	       before.devices, after.devices);
	if (good)
		served_place_remove(&place);
	return !good;
}
