/* Writes that were acknowledged and not synced, when the server may have lost them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/rw.h"
#include "tests/e2e/survive/again.h"

enum { SEED = 5, LEN = 10000 };

E2E(unsynced, a_server_killed_and_started_again_has_lost_nothing)
{
	struct rw rw;
	int fd;

	e2e_needs_server_process();
	rw_open(&rw, NULL, LEN);
	fd = file_reg(url_of("file"), O_RDWR | O_CREAT);
	rw_put(&rw, fd, SEED, 0, LEN);
	server_kill_and_again();
	cr_assert_eq(usrbio_fsync(fd), 0);
	rw_expect(&rw, fd, SEED, 0, LEN);
	file_unreg(fd);
	rw_close(&rw);
}

/* A second server, and a client of its only export, "x". */
struct second {
	struct server server;
	char export[800], addr[96], mount[128], url[140];
	struct rw rw;
};

static void second_open(struct second *s, const char *where, const char *option)
{
	snprintf(s->export, sizeof(s->export), "x=%s", where);
	server_start(&s->server, NULL, s->export, option, NULL);
	snprintf(s->addr, sizeof(s->addr), "%s", s->server.addr);
	snprintf(s->mount, sizeof(s->mount), "%s/x", s->addr);
	snprintf(s->url, sizeof(s->url), "%s/file", s->mount);
	rw_open(&s->rw, s->mount, LEN);
}

static void second_close(struct second *s)
{
	rw_close(&s->rw);
	server_stop(&s->server);
}

/* A file that is opened, written and synced now has lost nothing. */
static void expect_clean(struct second *s)
{
	int fd = file_reg(s->url, O_RDWR | O_CREAT);

	rw_put(&s->rw, fd, SEED, 0, LEN);
	cr_assert_eq(usrbio_fsync(fd), 0);
	file_unreg(fd);
}

E2E(unsynced, a_memory_store_has_lost_all_when_its_server_ends)
{
	struct second s;
	int fd;

	e2e_needs_server_process();
	second_open(&s, "memory:", NULL);
	fd = file_reg(s.url, O_RDWR | O_CREAT);
	rw_put(&s.rw, fd, SEED, 0, LEN);
	server_kill(&s.server);
	server_start(&s.server, s.addr, s.export, NULL);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(usrbio_fsync(fd), -EIO);
	expect_clean(&s);
	cr_assert_eq(usrbio_fsync(fd), -EIO, "until it is opened again");
	file_unreg(fd);
	second_close(&s);
}

static void make_faulty(char *where, size_t size, const char *rules)
{
	snprintf(where, size, "%s/faulty", e2e_scratch);
	cr_assert_eq(mkdir(where, 0755), 0);
	snprintf(where, size, "fault:%s:%s/faulty", rules, e2e_scratch);
}

E2E(unsynced, a_failed_sync_stays_failed)
{
	char where[700];
	struct second s;
	int fd;

	e2e_needs_server_process();
	make_faulty(where, sizeof(where), "sync.eio=#1");
	second_open(&s, where, NULL);
	fd = file_reg(s.url, O_RDWR | O_CREAT);
	rw_put(&s.rw, fd, SEED, 0, LEN);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(usrbio_fsync(fd), -EIO);
	expect_clean(&s);
	cr_assert_eq(usrbio_fsync(fd), -EIO, "until it is opened again");
	file_unreg(fd);
	second_close(&s);
}

/*
 * One client has written and not synced. A sync of another client finds that the disk has lost
 * something. The server is killed before the first client hears of it.
 */
static int sync_after_a_loss_and_a_restart(const char *option)
{
	char where[700], mount[160];
	struct second s;
	struct rw other;
	int fd, fd2, err;

	e2e_needs_server_process();
	make_faulty(where, sizeof(where), "sync.eio=#1");
	second_open(&s, where, option);
	fd = file_reg(s.url, O_RDWR | O_CREAT);
	rw_put(&s.rw, fd, SEED, 0, LEN);
	snprintf(mount, sizeof(mount), "%s?timeout=100", s.mount);
	rw_open(&other, mount, LEN);
	snprintf(mount, sizeof(mount), "%s?timeout=100/other", s.mount);
	fd2 = file_reg(mount, O_RDWR | O_CREAT);
	rw_put(&other, fd2, SEED, 0, LEN);
	cr_assert_eq(usrbio_fsync(fd2), -EIO);
	file_unreg(fd2);
	rw_close(&other);
	server_kill(&s.server);
	snprintf(s.export, sizeof(s.export), "x=%s", strrchr(where, ':') + 1);
	server_start(&s.server, s.addr, s.export, option, NULL);
	err = usrbio_fsync(fd);
	file_unreg(fd);
	second_close(&s);
	return err;
}

E2E(unsynced, a_loss_survives_a_kill_with_a_state_directory)
{
	char option[600];

	snprintf(option, sizeof(option), "--state=%s/state", e2e_scratch);
	cr_assert_eq(sync_after_a_loss_and_a_restart(option), -EIO);
}

E2E(unsynced, without_a_state_directory_a_kill_forgets_losses)
{
	cr_assert_eq(sync_after_a_loss_and_a_restart(NULL), 0);
}
