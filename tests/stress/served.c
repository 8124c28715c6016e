/* The server process. */
#include "tests/stress/served.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/must.h"

const char *served_where(void)
{
	static char address[128];
	const char *transport = getenv("USRBIO_TEST_TRANSPORT");
	const char *host = getenv("USRBIO_RXE_ADDR");

	if (!transport || !strcmp(transport, "tcp"))
		return "tcp://127.0.0.1";
	must(!strcmp(transport, "rdma") && host, "USRBIO_TEST_TRANSPORT, USRBIO_RXE_ADDR");
	snprintf(address, sizeof(address), "rdma://%.100s", host);
	return address;
}

void served_start(struct served *served, const char *where, const char *directory, const char *log,
		  const char *option)
{
	static const char listening[] = "listening on ";
	char export[400], listen[160], line[256];
	const char *argv[] = {STRESS_SERVER, "--insecure-no-auth", "--workers", "2",	"--export",
			      export,	     "--listen",	   listen,	option, NULL};

	snprintf(export, sizeof(export), "stress=%s", directory);
	snprintf(listen, sizeof(listen), "%s%s", where, strrchr(where, ':')[1] == '/' ? ":0" : "");
	process_start(&served->process, argv, log);
	do {
		must(process_line(&served->process, line, sizeof(line)), "no server at %s", listen);
		if (!strncmp(line, listening, strlen(listening)))
			snprintf(served->address, sizeof(served->address), "%.120s",
				 line + strlen(listening));
	} while (strcmp(line, "ready"));
}

int served_stop(struct served *served)
{
	kill(served->process.pid, SIGTERM);
	return process_wait(&served->process);
}

void served_place_make(struct served_place *place, const char *parent)
{
	snprintf(place->directory, sizeof(place->directory), "%.250s/usrbio-stress-XXXXXX", parent);
	must(mkdtemp(place->directory) != NULL, "%s", place->directory);
	snprintf(place->log, sizeof(place->log), "%s.log", place->directory);
}

void served_place_remove(const struct served_place *place)
{
	must(!run("/bin/rm", "-rf", place->directory, place->log), "rm");
}
