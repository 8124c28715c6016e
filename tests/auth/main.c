/*
 * Who is let in: tables of cases over USRBIO_TEST_TRANSPORT (tcp, tls, rdma), by real servers, the
 * library, hand-played clients and somebody in between. usage: auth [CASE]...
 */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/auth/play/fixture.h"
#include "tests/support/must.h"

#define HANG_S 120 /* of one case, which it names; ctest's limit for all of them is higher */

static const char *doing = "starting";

static void hung(int sig)
{
	if (write(1, "auth: hangs: ", 13) < 0 || write(1, doing, strlen(doing)) < 0 ||
	    write(1, "\n", 1) < 0)
		_exit(3);
	_exit(2);
}

static bool is_chosen(char **chosen, const char *name)
{
	bool any = !*chosen;

	for (; *chosen; chosen++)
		any |= !strcmp(*chosen, name);
	return any;
}

static unsigned run_cases(char **chosen)
{
	static const struct auth_case *const tables[] = {
		login_cases, file_cases,    grant_cases, stranger_cases, lie_cases,  copy_cases,
		other_cases, between_cases, flood_cases, rate_cases,	 share_cases};
	unsigned n = 0;

	for (size_t t = 0; t < sizeof(tables) / sizeof(*tables); t++)
		for (const struct auth_case *c = tables[t]; c->name; c++) {
			unsigned before = count_bad() + count_refused();

			if (!is_chosen(chosen, c->name) || (c->tcp_only && !over_tcp))
				continue;
			doing = c->name;
			alarm(HANG_S);
			c->body(c);
			must(fixture_keyring(usual), "the usual keyring");
			if (count_bad() + count_refused() != before)
				printf("auth: in %s\n", c->name);
			n++;
		}
	return n;
}

/* Every mount keeps its connection for a while, and every connection a few descriptors. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	must(!getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	must(!setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR"), *transport = getenv("USRBIO_TEST_TRANSPORT");
	unsigned cases;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, hung);
	signal(SIGPIPE, SIG_IGN);
	alarm(HANG_S);
	allow_descriptors();
	setenv("USRBIO_LOG", "off", 0);
	over_tcp = !transport || !strcmp(transport, "tcp");
	over_tls = !over_tcp && !strcmp(transport, "tls");
	must(over_tcp || over_tls || !strcmp(transport, "rdma"), "USRBIO_TEST_TRANSPORT");
	snprintf(root, sizeof(root), "%.80s/usrbio-auth.XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(root), "%s", root);
	fixture_open();
	cases = run_cases(argv + 1);
	doing = "the servers' end";
	fixture_close();
	printf("RESULT auth cases=%u accepted_bad=%u refused_good=%u\n", cases, count_bad(),
	       count_refused());
	/* A case that was asked for and did not run is no success. */
	return cases < (unsigned)argc - 1 || !cases || count_bad() || count_refused();
}
