/* What the server counts, through the library and by the tool. */
#include <fcntl.h>
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"

enum { READS = 40, SIZE = 8192 };

struct sum {
	unsigned workers, connections, limits, exports, ids;
	uint64_t reads, read_bytes, moved, direct;
};

static uint64_t value(const struct usrbio_server_counters *row, const char *name)
{
	for (size_t i = 0; i < row->nr; i++)
		if (!strcmp(row->names[i], name))
			return row->values[i];
	cr_assert(false, "no counter %s", name);
	return 0;
}

static void add(void *arg, const struct usrbio_server_counters *row)
{
	struct sum *sum = arg;

	cr_assert_gt(strlen(row->name), 0);
	if (!strcmp(row->kind, "limits")) {
		sum->limits++;
		return;
	}
	if (!strcmp(row->kind, "export")) {
		cr_assert_geq(value(row, "call_threads"), 1);
		sum->exports++;
		return;
	}
	if (!strcmp(row->kind, "id")) {
		cr_assert_geq(value(row, "connections"), 1);
		cr_assert_geq(value(row, "sessions"), 1);
		sum->ids++;
		return;
	}
	if (strcmp(row->kind, "worker")) {
		cr_assert_str_eq(row->kind, "connection");
		sum->connections++;
		return;
	}
	sum->workers++;
	sum->reads += value(row, "reads");
	sum->read_bytes += value(row, "read_bytes");
	sum->direct += value(row, "direct_bytes");
	sum->moved += value(row, "staged_bytes") + value(row, "direct_bytes");
}

static struct sum server_sum(void)
{
	struct sum sum = {0};

	cr_assert_eq(usrbio_server_counters(e2e_mount, add, &sum), 0);
	return sum;
}

static void work(void)
{
	struct hf3fs_ior ring;
	struct hf3fs_iov iov;
	int fd;

	file_make("f", 3, SIZE);
	fd = file_reg(url_of("f"), O_RDONLY);
	ring_make(&ring, NULL, true, 4);
	iov_make(&iov, NULL, SIZE);
	for (int i = 0; i < READS; i++)
		cr_assert_eq(ring_io(&ring, &iov, iov.base, fd, 0, SIZE), SIZE);
	hf3fs_iordestroy(&ring);
	hf3fs_iovdestroy(&iov);
	file_unreg(fd);
}

E2E(stats, the_server_counts_what_was_read)
{
	struct sum before = server_sum(), after;

	work();
	after = server_sum();
	cr_assert_gt(after.workers, 0);
	cr_assert_eq(after.workers, before.workers);
	cr_assert_gt(after.connections, 0, "this one at least");
	cr_assert_eq(after.limits, after.workers + after.connections + 1, "the server's");
	cr_assert_eq(after.exports, 1, "the one of the mount");
	cr_assert_geq(after.ids, 1, "this machine");
	/* Another's server may have other clients. */
	cr_assert_geq(after.reads - before.reads, READS);
	cr_assert_geq(after.read_bytes - before.read_bytes, READS * SIZE);
	cr_assert_geq(after.moved - before.moved, READS * SIZE);
	if (e2e_dir)
		cr_assert_eq(after.read_bytes - before.read_bytes, READS * SIZE);
}

/* Bytes that went past the server's memory while one large read was made. */
static uint64_t direct_bytes_of(uint64_t flags)
{
	enum { LARGE = 1 << 20 };
	uint64_t before = server_sum().direct;
	struct hf3fs_ior ring;
	struct hf3fs_iov iov;
	int fd = file_reg(url_of("large"), O_RDONLY);

	cr_assert_eq(hf3fs_iorcreate4(&ring, e2e_mount, 4, true, 0, 0, -1, flags), 0);
	iov_make(&iov, NULL, LARGE);
	cr_assert_eq(ring_io(&ring, &iov, iov.base, fd, 0, LARGE), LARGE);
	hf3fs_iordestroy(&ring);
	hf3fs_iovdestroy(&iov);
	file_unreg(fd);
	return server_sum().direct - before;
}

/* Pages that wait in a pipe show a hole punched after the look for holes: those get a copy. */
E2E(stats, who_forbids_holes_gets_a_copy)
{
	e2e_needs_local_files();
	file_make("large", 3, 1 << 20);
	cr_assert_eq(direct_bytes_of(HF3FS_IOR_FORBID_READ_HOLES), 0);
	if (!strncmp(e2e_mount, "tcp:", 4)) /* no other wire takes pipes */
		cr_assert_eq(direct_bytes_of(0), 1 << 20);
}

/* Reads the JSON and prints the number of reads in the rows of workers. */
static const char script[] = "import json, sys\n"
			     "rows = json.loads(sys.argv[1])\n"
			     "kinds = {'worker', 'connection', 'limits', 'export', 'id'}\n"
			     "assert all(len(kinds & set(r)) == 1 for r in rows)\n"
			     "assert all(isinstance(v, int) for r in rows for k, v in r.items()\n"
			     "           if k not in kinds)\n"
			     "export, = (r for r in rows if 'export' in r)\n"
			     "assert export['calls_busy'] <= export['call_threads']\n"
			     "assert any(r['sessions'] > 0 for r in rows if 'id' in r)\n"
			     "server, = (r for r in rows if r.get('limits') == 'server')\n"
			     "assert 0 < server['memory_bytes'] <= server['memory_bytes_max']\n"
			     "assert 0 < server['connections'] <= server['connections_max']\n"
			     "print('reads', sum(r['reads'] for r in rows if 'worker' in r))\n";

E2E(stats, the_tool_prints_the_servers)
{
	static char out[65536], figures[64];
	unsigned reads;

	work();
	cr_assert_eq(run_into(out, sizeof(out), E2E_TOOL, "stats", e2e_mount), 0);
	cr_assert(strstr(out, "worker 0"), "%s", out);
	cr_assert(strstr(out, "connection "), "%s", out);
	cr_assert(strstr(out, "limits server"), "%s", out);
	cr_assert_eq(run_into(out, sizeof(out), E2E_TOOL, "stats", "--json", e2e_mount), 0);
	cr_assert_eq(run_into(figures, sizeof(figures), "/usr/bin/python3", "-c", script, out), 0,
		     "%s", out);
	cr_assert_eq(sscanf(figures, "reads %u", &reads), 1);
	/* On loop, each process has a server of its own, and the tool's has read nothing. */
	if (e2e_on_loop)
		cr_assert_eq(reads, 0);
	else
		cr_assert_geq(reads, READS);
	cr_assert_eq(run(E2E_TOOL, "stats"), 2);
	cr_assert_eq(run(E2E_TOOL, "stats", "tcp://127.0.0.1:1/data?timeout=1"), 1);
}

E2E(stats, bench_prints_the_clients_per_io)
{
	static const char *const wanted[] = {
		"polls_per_io",	   "message_bytes_per_io",   "entries_per_batch",
		"messages_per_io", "results_per_completion", "doorbells_per_io",
		"sleeps_per_io",
	};
	char out[16384];

	file_make("f", 3, SIZE);
	cr_assert_eq(
		run_into(out, sizeof(out), E2E_TOOL, "bench", "--time", "1", "--json", url_of("f")),
		0);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		cr_assert(strstr(out, wanted[i]), "no %s: %s", wanted[i], out);
}
