/* Programs that end in every way there is, while threads of theirs wait and work. */
#include <signal.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/survive/again.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/traces.h"

/* What `e2e_life end` says before it ends, and its status. */
static int end_by(const char *how, char *said, size_t size)
{
	char url[1024];

	snprintf(url, sizeof(url), "%s", url_of("file"));
	return run_into(said, size, E2E_LIFE, e2e_mount, "end", url, how);
}

static void ends(const char *how, int status, const char *says)
{
	char said[256];
	int got;

	file_make("file", 3, 4096);
	for (int i = 0; i < full_or_quick(20, 2); i++) {
		got = end_by(how, said, sizeof(said));
		cr_assert_eq(got, status, "%s: status %d", how, got);
		cr_assert_str_eq(said, says, "%s: '%s'", how, said);
	}
}

E2E(exits, return_from_main_keeps_the_status)
{
	ends("return", 3, "at exit\n");
}

E2E(exits, exit_keeps_the_status_and_its_handlers_may_use_rings)
{
	ends("exit", 3, "at exit\n");
}

E2E(exits, exit_from_another_thread)
{
	ends("thread", 3, "at exit\n");
}

E2E(exits, exit_without_cleanup)
{
	ends("_exit", 3, "");
}

E2E(exits, quick_exit)
{
	ends("quick", 3, "at exit\n");
}

E2E(exits, abort_is_an_abort)
{
	ends("abort", 128 + SIGABRT, "");
}

/* None of all these ways leaves anything at the server. */
E2E(exits, nothing_stays_at_the_server)
{
	static const char *const ways[] = {"return", "exit", "thread", "_exit", "quick", "abort"};
	char said[256];
	unsigned fds;

	e2e_needs_server_process();
	server_forgets_soon();
	file_make("file", 3, 4096);
	end_by("return", said, sizeof(said));
	fds = settled_server_fds();
	for (unsigned i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		end_by(ways[i], said, sizeof(said));
	await_server_fds(fds);
}

E2E(exits, a_forked_child_that_exits_leaves_its_parent_undisturbed)
{
	char url[1024], said[256];

	file_make("file", 3, 4096);
	snprintf(url, sizeof(url), "%s", url_of("file"));
	for (int i = 0; i < full_or_quick(20, 2); i++) {
		cr_assert_eq(run_into(said, sizeof(said), E2E_LIFE, e2e_mount, "forkexit", url), 0);
		cr_assert_str_eq(said, "child at exit\n");
	}
}

E2E(exits, programs_started_while_rings_are_in_use_inherit_nothing)
{
	char url[1024];

	file_make("file", 3, 4096);
	snprintf(url, sizeof(url), "%s", url_of("file"));
	for (int i = 0; i < full_or_quick(10, 1); i++)
		cr_assert_eq(run(E2E_LIFE, e2e_mount, "start", url), 0);
}
