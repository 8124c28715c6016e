/* A server process with one export, "stress". One thread at a time. */
#ifndef USRBIO_TESTS_STRESS_SERVED_H
#define USRBIO_TESTS_STRESS_SERVED_H

#include "tests/support/process.h"

struct served {
	struct process process;
	char address[128]; /* scheme://host:port */
};

/* scheme://host to listen at: what USRBIO_TEST_TRANSPORT and USRBIO_RXE_ADDR say. */
const char *served_where(void);
/*
 * Start it, at an address or, without a port, anywhere there; its stderr goes to `log`. `option`:
 * one more, or NULL.
 */
void served_start(struct served *served, const char *listen, const char *directory, const char *log,
		  const char *option);
/* SIGTERM: the status it ends with. */
int served_stop(struct served *served);

/* A directory to export and the name of a log, below `parent`; and their end. */
struct served_place {
	char directory[300], log[320];
};
void served_place_make(struct served_place *place, const char *parent);
void served_place_remove(const struct served_place *place);

#endif
