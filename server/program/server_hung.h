/* What a server that stops does not wait for any longer. */
#ifndef USRBIO_SERVER_PROGRAM_SERVER_HUNG_H
#define USRBIO_SERVER_PROGRAM_SERVER_HUNG_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

struct server;

/* Wait for a semaphore until this time of now_ns(); NEVER: for ever. False: it was not posted. */
bool server_wait(sem_t *sem, uint64_t until_ns);
/*
 * Log what the file systems of a server that stops have not done. The next server may have the
 * exports where nothing is under way. If a worker does not answer, nobody knows which these are.
 */
void server_name_hung(struct server *server);

#endif
