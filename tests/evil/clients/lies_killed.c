/* An evil client that is killed with much under way. */
#include <signal.h>
#include <unistd.h>

#include "tests/support/must.h"
#include "tests/support/process.h"
#include "tests/evil/clients/evil.h"

void evil_linger(const char *url)
{
	const struct fixture fixture = {.url = url};
	struct io_entry io[64];
	struct evil e;

	evil_open(&e, &fixture, "killed", STAGE_FILE);
	for (uint32_t i = 0; i < 64; i++) {
		io[i] = good_io(&e);
		io[i].ids = io_ids(0, i);
		io[i].off = FILE_SIZE; /* behind what others look at */
		io[i].len = GRANTED / 2;
	}
	evil_submit(&e, IO_WRITE, io, 64);
	evil_step(&e);
	puts("under way");
	for (;;)
		pause();
}

/* SIGKILL, while the server reads its memory. */
static void killed(struct evil *e, const struct lie *lie)
{
	const char *const argv[] = {"/proc/self/exe", "--linger", e->fixture->url, NULL};
	struct process process;
	char line[64];

	for (int i = 0; i < 3; i++) {
		process_start(&process, argv, NULL);
		must(process_line(&process, line, sizeof(line)), "it has not come so far");
		kill(process.pid, SIGKILL);
		process_wait(&process);
		expect_file(e);
	}
}

const struct lie killed_lies[] = {{"killed-under-writes", STAGE_WELCOME, killed}, {NULL}};
