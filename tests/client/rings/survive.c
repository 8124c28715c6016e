/*
 * A connection that ends, and a session that goes on: what is sent again, and how; seen from a
 * played server.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "client/conn/conn.h"
#include "client/ring/ring.h"
#include "client/session/session.h"
#include "client/usrbio.h"
#include "rig.h"

static struct rig rig;

static struct session *session_of_ring(const struct hf3fs_ior *ior)
{
	struct ring *ring = ring_get((uintptr_t)ior->iorh);
	struct session *session = session_of(ring->conn);

	ring_put(ring);
	return session;
}

static void start(const char *options)
{
	memset(&rig, 0, sizeof(rig));
	play_start(&rig.server);
	strcat(rig.server.mount, options);
	rig.fd = rig_open(&rig);
	must(!hf3fs_iorcreate(&rig.reads, rig.server.mount, 64, true, 0, -1));
	must(!hf3fs_iorcreate(&rig.writes, rig.server.mount, 64, false, 0, -1));
	must(!hf3fs_iovcreate(&rig.iov, rig.server.mount, RIG_IOV, 0, -1));
}

static const char *url_of(const char *name)
{
	static _Thread_local char url[200];

	snprintf(url, sizeof(url), "%s/%s", rig.server.mount, name);
	return url;
}

static void submit(const struct hf3fs_ior *ior, int n)
{
	for (int i = 0; i < n; i++)
		cr_assert_geq(rig_prep(&rig, ior, 0, 16), 0);
	cr_assert_eq(hf3fs_submit_ios(ior), 0);
}

static void expect(const struct hf3fs_ior *ior, int n, int64_t result)
{
	struct hf3fs_cqe cqes[64];

	cr_assert_eq(hf3fs_wait_for_ios(ior, cqes, n, n, NULL), n);
	for (int i = 0; i < n; i++)
		cr_assert_eq(cqes[i].result, result, "%d: %ld", i, (long)cqes[i].result);
	cr_assert_eq(hf3fs_wait_for_ios(ior, cqes, 64, 0, NULL), 0, "once each");
}

/* Under way at the server, which has lost them and the connection. */
static void submit_and_cut(int n)
{
	unsigned before = atomic_load(&rig.server.nr_batches);

	atomic_store(&rig.server.hold, true);
	submit(&rig.reads, n);
	rig_until(atomic_load(&rig.server.nr_batches) > before);
	atomic_store(&rig.server.cut, true);
	rig_until(session_is_lost(session_of_ring(&rig.reads), 1));
}

Test(survive, the_same_session_knows_its_files)
{
	start("");
	submit_and_cut(10);
	rig_until(atomic_load(&rig.server.nr_resumed) == 1);
	atomic_store(&rig.server.hold, false);
	expect(&rig.reads, 10, 16);
	cr_assert_eq(rig.server.last_epoch, 1);
	cr_assert_eq(atomic_load(&rig.server.nr_reopens), 0);
	cr_assert_eq(atomic_load(&rig.server.nr_adds), 2,
		     "memory is announced in each incarnation");
	rig_stop(&rig);
}

Test(survive, a_new_session_has_them_opened_first)
{
	start("");
	atomic_store(&rig.server.forget, true);
	submit_and_cut(10);
	rig_until(atomic_load(&rig.server.nr_reopens) == 1);
	atomic_store(&rig.server.hold, false);
	expect(&rig.reads, 10, 16);
	cr_assert_eq(rig.server.last_epoch, 0);
	rig_stop(&rig);
}

static char asked_path[64];
static uint8_t asked_name;

/* Give each opened file another persistent name, a number, and note what a REOPEN asks for. */
static void name_files(struct playserver *server, const struct call *call, struct reply *reply)
{
	static uint8_t number;

	if (call->op == CALL_REOPEN) {
		snprintf(asked_path, sizeof(asked_path), "%.*s", (int)call->path.len,
			 (const char *)call->path.data);
		asked_name = call->persistent.len == 1 ? *call->persistent.data : 0;
	}
	if (call->op == CALL_OPEN || call->op == CALL_REOPEN) {
		number++;
		reply->persistent = (struct bytes){&number, 1};
	}
}

static void expect_asked(unsigned nr, const char *path)
{
	atomic_store(&rig.server.forget, true);
	submit_and_cut(10);
	rig_until(atomic_load(&rig.server.nr_reopens) == nr);
	atomic_store(&rig.server.hold, false);
	expect(&rig.reads, 10, 16);
	cr_expect_str_eq(asked_path, path);
	cr_expect_eq(asked_name, nr, "the name that was given last");
}

Test(survive, a_renamed_file_is_asked_for_by_its_new_path_and_name)
{
	char from[200];

	start("");
	rig.server.tell = name_files;
	rig_close(rig.fd);
	rig.fd = rig_open(&rig);
	strcpy(from, url_of("file"));
	cr_assert_eq(usrbio_rename(from, url_of("dir/moved")), 0);
	expect_asked(1, "dir/moved");
	strcpy(from, url_of("dir/"));
	cr_assert_eq(usrbio_rename(from, url_of("other")), 0);
	strcpy(from, url_of("oth"));
	cr_assert_eq(usrbio_rename(from, url_of("nothing")), 0);
	expect_asked(2, "other/moved");
	strcpy(from, url_of("there"));
	cr_assert_eq(usrbio_rename_flags(from, url_of("other/"), RENAME_EXCHANGE), 0);
	expect_asked(3, "there/moved");
	cr_assert_eq(usrbio_rename_flags(from, url_of("here"), RENAME_EXCHANGE), 0);
	expect_asked(4, "here/moved");
	rig_stop(&rig);
}

Test(survive, a_file_that_cannot_be_opened_is_stale_for_good)
{
	start("");
	rig.server.reopen = -ESTALE;
	atomic_store(&rig.server.forget, true);
	submit_and_cut(10);
	atomic_store(&rig.server.hold, false);
	expect(&rig.reads, 10, -ESTALE);
	cr_assert_eq(usrbio_fsync(rig.fd), -ESTALE);
	rig.server.reopen = 0;
	rig_close(rig.fd);
	rig.fd = rig_open(&rig);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 16), 16, "others go on");
	rig_stop(&rig);
}

/* A server that takes fewer at a time than before gets them bit by bit. */
Test(survive, a_smaller_limit_holds_for_what_is_sent_again)
{
	start("");
	rig.server.max_inflight = 3;
	submit_and_cut(64);
	rig_until(atomic_load(&rig.server.nr_batches) == 2);
	cr_assert_eq(rig.server.batches[1].n, 3);
	submit(&rig.writes, 1);
	atomic_store(&rig.server.hold, false);
	expect(&rig.reads, 64, 16);
	expect(&rig.writes, 1, 16);
	for (unsigned i = 1; i < atomic_load(&rig.server.nr_batches); i++)
		cr_assert_leq(rig.server.batches[i].n, 3);
	rig_stop(&rig);
}

static int fsync_result;

static void *calls_fsync(void *arg)
{
	fsync_result = usrbio_fsync(rig.fd);
	return arg;
}

static int name_result; /* of a call that makes a name */

static void *calls_mkdir(void *arg)
{
	name_result = usrbio_mkdir(url_of("dir"), 0700);
	return arg;
}

static void *calls_symlink(void *arg)
{
	name_result = usrbio_symlink("target", url_of("link"));
	return arg;
}

static void *calls_link(void *arg)
{
	name_result = usrbio_link(url_of("file"), url_of("other"));
	return arg;
}

/* A call of which the server has said nothing when its connection ends. */
static pthread_t begin_call(void *(*call)(void *))
{
	unsigned before = atomic_load(&rig.server.nr_calls);
	pthread_t thread;

	atomic_store(&rig.server.mute, true);
	pthread_create(&thread, NULL, call, NULL);
	rig_until(atomic_load(&rig.server.nr_calls) > before);
	atomic_store(&rig.server.mute, false);
	return thread;
}

Test(survive, a_call_sent_again_says_so)
{
	pthread_t thread;

	start("");
	thread = begin_call(calls_fsync);
	cr_assert_eq(rig.server.last_replay, 0);
	atomic_store(&rig.server.cut, true);
	pthread_join(thread, NULL);
	cr_assert_eq(fsync_result, 0);
	cr_assert_eq(rig.server.last_replay, 1);
	rig_stop(&rig);
}

/*
 * I/Os have had part of their time already: after a loss they go before calls, whether the server
 * knows these or not.
 */
Test(survive, ios_are_sent_again_before_calls)
{
	for (int forget = 0; forget < 2; forget++) {
		unsigned nr_calls;
		pthread_t thread;

		start("");
		thread = begin_call(calls_mkdir);
		nr_calls = atomic_load(&rig.server.nr_calls);
		atomic_store(&rig.server.forget, forget);
		submit_and_cut(10);
		pthread_join(thread, NULL);
		rig_until(atomic_load(&rig.server.nr_batches) == 2);
		cr_assert_eq(rig.server.batches[1].n, 10);
		cr_assert_eq(rig.server.batches[1].nr_calls,
			     nr_calls + atomic_load(&rig.server.nr_reopens), "forget %d: %u calls",
			     forget, rig.server.batches[1].nr_calls - nr_calls);
		atomic_store(&rig.server.hold, false);
		expect(&rig.reads, 10, 16);
		rig_stop(&rig);
	}
}

/* A call is sent again in a new session, where it gets this answer: it ends with this result. */
static void expect_unknown(void *(*call)(void *), int answer, int result)
{
	pthread_t thread;

	start("");
	thread = begin_call(call);
	rig.server.answer = answer;
	atomic_store(&rig.server.forget, true);
	atomic_store(&rig.server.cut, true);
	pthread_join(thread, NULL);
	cr_assert_eq(name_result, result, "%d: %d", answer, name_result);
	rig.server.answer = 0;
	rig_stop(&rig);
}

/* In a new session nobody remembers: "it exists" may be our own doing, other answers are true. */
Test(survive, what_cannot_be_known_is_said)
{
	static void *(*const calls[])(void *) = {calls_mkdir, calls_symlink, calls_link};

	for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		expect_unknown(calls[i], 0, 0);
		expect_unknown(calls[i], -EEXIST, -EREMOTEIO);
		expect_unknown(calls[i], -ENOENT, -ENOENT);
		expect_unknown(calls[i], -EACCES, -EACCES);
	}
}

static int (*tried)(void);
static int tried_result;

static int try_symlink(void)
{
	return usrbio_symlink("x", url_of("l"));
}

static int try_create_attribute(void)
{
	return usrbio_setxattr(url_of("f"), "user.a", "x", 1, XATTR_CREATE);
}

static int try_set_attribute(void)
{
	return usrbio_setxattr(url_of("f"), "user.a", "x", 1, 0);
}

static int try_remove_attribute(void)
{
	return usrbio_removexattr(url_of("f"), "user.a");
}

static void *calls_tried(void *arg)
{
	tried_result = tried();
	return arg;
}

/* The same of links and attributes. */
Test(survive, what_cannot_be_known_of_links_and_attributes)
{
	static const struct {
		int (*call)(void);
		int answer, result;
	} cases[] = {
		{try_symlink, -EEXIST, -EREMOTEIO},	      {try_symlink, -ENOENT, -ENOENT},
		{try_create_attribute, -EEXIST, -EREMOTEIO},  {try_set_attribute, -EEXIST, -EEXIST},
		{try_remove_attribute, -ENODATA, -EREMOTEIO}, {try_remove_attribute, 0, 0}};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		pthread_t thread;

		start("");
		tried = cases[i].call;
		thread = begin_call(calls_tried);
		rig.server.answer = cases[i].answer;
		atomic_store(&rig.server.forget, true);
		atomic_store(&rig.server.cut, true);
		pthread_join(thread, NULL);
		cr_assert_eq(tried_result, cases[i].result, "case %u: %d", i, tried_result);
		rig.server.answer = 0;
		rig_stop(&rig);
	}
}

static int exchange_result;
static unsigned nr_exchanges;

static void *calls_exchange(void *arg)
{
	char from[200];

	strcpy(from, url_of("one"));
	exchange_result = usrbio_rename_flags(from, url_of("other"), RENAME_EXCHANGE);
	return arg;
}

static void count_exchanges(struct playserver *server, const struct call *call, struct reply *reply)
{
	nr_exchanges += call->op == CALL_RENAME && call->flags == CALL_EXCHANGE;
}

/* Made again it would be undone, with success. The server of the session knows; another does not.
 */
Test(survive, an_exchange_is_not_made_again_in_another_session)
{
	for (int forget = 0; forget < 2; forget++) {
		pthread_t thread;

		start("");
		thread = begin_call(calls_exchange);
		nr_exchanges = 0;
		rig.server.tell = count_exchanges;
		atomic_store(&rig.server.forget, forget);
		atomic_store(&rig.server.cut, true);
		pthread_join(thread, NULL);
		cr_assert_eq(exchange_result, forget ? -EREMOTEIO : 0, "%d", exchange_result);
		cr_assert_eq(usrbio_fsync(rig.fd), 0);
		cr_assert_eq(nr_exchanges, !forget);
		rig_stop(&rig);
	}
}

/* Asked whether it is there, the server says nothing: it is not, and what it owed goes to another.
 */
Test(survive, a_silent_server_is_asked_and_given_up)
{
	start("");
	atomic_store(&rig.server.hold, true);
	submit(&rig.reads, 10);
	rig_until(atomic_load(&rig.server.nr_pings) == 1);
	atomic_store(&rig.server.deaf, true);
	rig_until(session_is_lost(session_of_ring(&rig.reads), 1));
	atomic_store(&rig.server.deaf, false);
	atomic_store(&rig.server.hold, false);
	expect(&rig.reads, 10, 16);
	cr_assert_eq(atomic_load(&rig.server.nr_resumed), 1);
	rig_stop(&rig);
}

/* It says that it is there, again and again, and never answers. */
Test(survive, every_io_ends_by_its_deadline)
{
	start("?timeout=1");
	atomic_store(&rig.server.hold, true);
	submit(&rig.reads, 64);
	submit(&rig.writes, 64);
	expect(&rig.reads, 64, -EREMOTEIO);
	expect(&rig.writes, 64, -EREMOTEIO);
	rig_stop(&rig);
}

/* The server answers, but its disk does not: only the I/O ends. */
Test(survive, an_overdue_io_is_given_up_and_the_connection_goes_on)
{
	start("?timeout=1");
	atomic_store(&rig.server.hold, true);
	submit(&rig.reads, 64);
	submit(&rig.writes, 64);
	expect(&rig.reads, 64, -EREMOTEIO);
	expect(&rig.writes, 64, -EREMOTEIO);
	cr_assert_eq(atomic_load(&rig.server.nr_aborts), 128, "each once");
	atomic_store(&rig.server.hold, false);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 16), 16);
	cr_assert_eq(rig_io(&rig, &rig.writes, 0, 16), 16);
	cr_assert_eq(atomic_load(&rig.server.nr_ended), 0);
	cr_assert_eq(atomic_load(&rig.server.nr_welcomes), 1);
	rig_stop(&rig);
}

/* The completion was on its way when the I/O was aborted. */
Test(survive, a_result_that_crosses_the_abort_counts)
{
	start("?timeout=1");
	rig.server.aborted = 16;
	atomic_store(&rig.server.hold, true);
	submit(&rig.reads, 64);
	expect(&rig.reads, 64, 16);
	cr_assert_eq(atomic_load(&rig.server.nr_aborts), 64);
	cr_assert_eq(atomic_load(&rig.server.nr_ended), 0);
	rig_stop(&rig);
}

/* Only the end of the connection keeps the server away from the memory. */
Test(survive, a_server_that_ignores_aborts_loses_the_connection)
{
	start("?timeout=1");
	rig.server.ignore_aborts = true;
	atomic_store(&rig.server.hold, true);
	submit(&rig.reads, 64);
	expect(&rig.reads, 64, -EREMOTEIO);
	cr_assert_eq(atomic_load(&rig.server.nr_aborts), 64);
	rig_until(atomic_load(&rig.server.nr_ended) == 1);
	rig_stop(&rig);
}

Test(survive, every_call_ends_by_its_deadline)
{
	start("?timeout=1");
	atomic_store(&rig.server.mute, true);
	cr_assert_eq(usrbio_fsync(rig.fd), -EREMOTEIO);
	cr_assert_eq(usrbio_mkdir(url_of("dir"), 0700), -EREMOTEIO);
	atomic_store(&rig.server.mute, false);
	cr_assert_eq(usrbio_fsync(rig.fd), 0, "the connection is what it was");
	cr_assert_eq(atomic_load(&rig.server.nr_welcomes), 1);
	cr_assert_eq(atomic_load(&rig.server.nr_call_aborts), 2, "the server does neither later");
	rig_stop(&rig);
}

/* The call could still be done at any time, if the connection stayed. */
Test(survive, a_server_that_ignores_the_abort_of_a_call_loses_the_connection)
{
	start("?timeout=1");
	rig.server.ignore_aborts = true;
	atomic_store(&rig.server.mute, true);
	cr_assert_eq(usrbio_mkdir(url_of("dir"), 0700), -EREMOTEIO);
	atomic_store(&rig.server.mute, false);
	rig_until(atomic_load(&rig.server.nr_ended) == 1);
	cr_assert_eq(atomic_load(&rig.server.nr_call_aborts), 1);
	cr_assert_eq(atomic_load(&rig.server.nr_calls), 2, "nor is it sent again");
	rig_stop(&rig);
}

/* What it has opened is closed, as soon as there is a connection. */
Test(survive, an_open_without_an_answer_is_given_up_on_the_next_connection)
{
	uint32_t tag;

	start("?timeout=1");
	rig.server.ignore_aborts = true;
	atomic_store(&rig.server.mute, true);
	cr_assert_eq(usrbio_open(url_of("f"), O_RDONLY, 0), -EREMOTEIO);
	tag = rig.server.last_call;
	atomic_store(&rig.server.mute, false);
	cr_assert_eq(usrbio_mkdir(url_of("dir"), 0700), 0);
	cr_assert_eq(atomic_load(&rig.server.nr_former), 1);
	cr_assert_eq(rig.server.last_former, tag);
	cr_assert_eq(atomic_load(&rig.server.nr_resumed), 1);
	rig_stop(&rig);
}

static void *open_late(void *arg)
{
	*(int *)arg = usrbio_open(url_of("f"), O_RDONLY, 0);
	return NULL;
}

/* Open while the connection is lost and no other one comes in time. */
static uint32_t open_without_a_server(void)
{
	unsigned before = atomic_load(&rig.server.nr_calls);
	pthread_t thread;
	int result = 0;

	atomic_store(&rig.server.mute, true);
	must(!pthread_create(&thread, NULL, open_late, &result));
	rig_until(atomic_load(&rig.server.nr_calls) > before);
	atomic_store(&rig.server.full, UINT_MAX);
	atomic_store(&rig.server.cut, true);
	must(!pthread_join(thread, NULL));
	cr_assert_eq(result, -EREMOTEIO);
	atomic_store(&rig.server.mute, false);
	return rig.server.last_call;
}

Test(survive, an_open_that_ends_while_there_is_no_server_is_given_up_later)
{
	uint32_t tag;

	start("?timeout=1");
	tag = open_without_a_server();
	atomic_store(&rig.server.full, 0);
	/* Whoever comes before the next connection may fail, as the server was away for long. */
	while (usrbio_fsync(rig.fd))
		sched_yield();
	cr_assert_eq(atomic_load(&rig.server.nr_former), 1);
	cr_assert_eq(rig.server.last_former, tag);
	rig_stop(&rig);
}

/* The next session has other tags and handles. */
Test(survive, an_open_of_a_session_that_is_gone_is_forgotten)
{
	start("?timeout=1");
	open_without_a_server();
	atomic_store(&rig.server.forget, true);
	atomic_store(&rig.server.full, 0);
	while (usrbio_fsync(rig.fd))
		sched_yield();
	cr_assert_eq(atomic_load(&rig.server.nr_former), 0);
	rig_stop(&rig);
}

static void lie_always(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	play_complete(s, conn, io_tag(&io->io[0]), (int64_t)io->io[0].len + 1);
}

Test(survive, a_server_that_always_lies_gets_no_further_than_the_deadline)
{
	start("?timeout=1");
	rig.server.lie = lie_always;
	submit(&rig.reads, 10);
	expect(&rig.reads, 10, -EREMOTEIO);
	cr_assert_lt(atomic_load(&rig.server.nr_welcomes), 40, "nor is it asked all the time");
	rig.server.lie = NULL;
	rig_stop(&rig);
}

/* Nobody is there any more, and the mount waits for ever: who destroys need not. */
Test(survive, what_is_destroyed_meanwhile_is_cancelled)
{
	struct hf3fs_iov other;

	start("?timeout=0");
	cr_assert_eq(hf3fs_iovcreate(&other, rig.server.mount, 4096, 0, -1), 0);
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 16), 16);
	atomic_store(&rig.server.hold, true);
	submit(&rig.writes, 5);
	submit(&rig.reads, 10);
	rig_until(atomic_load(&rig.server.nr_batches) == 3);
	play_stop(&rig.server);
	rig_until(session_is_lost(session_of_ring(&rig.reads), 1));
	hf3fs_iordestroy(&rig.writes);
	/* Of the other memory, which stays; never sent. */
	cr_assert_geq(hf3fs_prep_io(&rig.reads, &other, true, other.base, rig.fd, 0, 16, NULL), 0);
	submit(&rig.reads, 10);
	hf3fs_iovdestroy(&rig.iov);
	expect(&rig.reads, 20, -ECANCELED);
	hf3fs_iordestroy(&rig.reads);
	hf3fs_iovdestroy(&other);
	rig_close(rig.fd);
}

Test(survive, a_handle_closed_around_a_loss_is_closed)
{
	start("");
	atomic_store(&rig.server.mute, true);
	rig_close(rig.fd);
	rig_until(atomic_load(&rig.server.nr_closes) == 1);
	atomic_store(&rig.server.mute, false);
	atomic_store(&rig.server.cut, true);
	rig_until(session_is_lost(session_of_ring(&rig.reads), 1));
	rig.fd = rig_open(&rig);
	rig_until(atomic_load(&rig.server.nr_closes) == 2);
	rig_stop(&rig);
}

/* An answer to a ping of the server's needs nobody who waits. */
Test(survive, an_idle_client_answers_pings)
{
	start("");
	atomic_store(&rig.server.ping, true);
	rig_until(atomic_load(&rig.server.nr_pongs) == 1);
	rig_stop(&rig);
}

/* A server that would rather not say that it has let go: its connection ends, that will do. */
Test(survive, memory_is_let_go_of_by_the_deadline)
{
	start("?timeout=1");
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 16), 16);
	atomic_store(&rig.server.hold, true);
	hf3fs_iovdestroy(&rig.iov);
	cr_assert_eq(atomic_load(&rig.server.nr_drops), 0);
	rig_stop(&rig);
}

/* The wrong kind of answer is a lie, and what was asked is not forgotten over it. */
static void lie_pong_for_drop(struct playserver *s, struct play_conn *conn, uint32_t tag)
{
	play_send(s, conn, &(struct message){.type = MSG_PING, .ping = {.nonce = tag, .pong = 1}});
}

Test(survive, an_answer_of_another_kind_loses_no_request)
{
	start("");
	cr_assert_eq(rig_io(&rig, &rig.reads, 0, 16), 16);
	rig.server.lie_about_drop = lie_pong_for_drop;
	hf3fs_iovdestroy(&rig.iov);
	rig_stop(&rig);
}
