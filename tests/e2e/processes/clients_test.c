/* Several client processes at once: files of their own, and one they share in disjoint ranges. */
#include "tests/e2e/processes/clients.h"
#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

enum { NR = 8 };

static void start(struct process *client, int id)
{
	char number[16], own[1024], shared[1024], nr[16];

	snprintf(number, sizeof(number), "own%d", id);
	snprintf(own, sizeof(own), "%s", url_of(number));
	snprintf(shared, sizeof(shared), "%s", url_of("shared"));
	snprintf(nr, sizeof(nr), "%d", NR);
	process_start(client,
		      (const char *const[]){E2E_CLIENT, e2e_mount, "own", own, shared, number + 3,
					    nr, NULL},
		      NULL);
}

E2E(clients, eight_processes)
{
	struct process clients[NR];
	char line[64], name[16];

	for (int i = 0; i < NR; i++)
		start(&clients[i], i);
	for (int i = 0; i < NR; i++)
		cr_assert(process_line(&clients[i], line, sizeof(line)));
	for (int i = 0; i < NR; i++)
		process_close_stdin(&clients[i]);
	for (int i = 0; i < NR; i++)
		cr_assert_eq(process_wait(&clients[i]), 0, "client %d", i);

	for (int i = 0; i < NR; i++) {
		snprintf(name, sizeof(name), "own%d", i);
		cr_assert_eq(file_size(name), STRIPE * nr_stripes());
		file_check(name, i, 0, STRIPE * nr_stripes());
	}
	cr_assert_eq(file_size("shared"), (uint64_t)NR * STRIPE * nr_stripes());
	for (int i = 0; i < NR * nr_stripes(); i++)
		file_check("shared", i % NR, (uint64_t)i * STRIPE, STRIPE);
}
