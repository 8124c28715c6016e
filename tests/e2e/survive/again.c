#include "tests/e2e/survive/again.h"

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/rw.h"

_Static_assert((int)PIECES <= (int)RW_ENTRIES, "a ring takes all pieces");

void server_again_with(const char *option)
{
	char data[600], ro[600], addr[sizeof(e2e_server.addr)];

	snprintf(addr, sizeof(addr), "%s", e2e_server.addr);
	snprintf(data, sizeof(data), "data=%s", e2e_dir);
	snprintf(ro, sizeof(ro), "ro=%s,ro", e2e_read_only_dir);
	server_start(&e2e_server, addr, data, ro, option, NULL);
}

void server_again(void)
{
	server_again_with(NULL);
}

void server_forgets_soon(void)
{
	if (!e2e_server.process.pid)
		return;
	server_stop(&e2e_server);
	server_again_with("--session-time=1");
}

void server_kill_and_again(void)
{
	server_kill(&e2e_server);
	server_again();
}

void pieces_submit(struct rw *rw, const struct hf3fs_ior *ior, int fd)
{
	for (long i = 0; i < PIECES; i++)
		ring_prep(ior, &rw->iov, rw->iov.base + i * PIECE, fd, i * PIECE, PIECE, (void *)i);
	ring_submit(ior);
}

void pieces_expect(const struct hf3fs_ior *ior, int64_t result)
{
	struct hf3fs_cqe cqes[PIECES], more;

	ring_wait(ior, cqes, PIECES);
	for (long i = 0; i < PIECES; i++) {
		must(cqes[i].userdata == (void *)i, "piece %ld", i);
		must(cqes[i].result == result, "piece %ld: %ld", i, (long)cqes[i].result);
	}
	must(!hf3fs_wait_for_ios(ior, &more, 1, 0, NULL), "once each");
}
