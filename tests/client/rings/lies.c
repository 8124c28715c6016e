/*
 * A server that lies: the connection ends, no memory changes that the server was not given, and in
 * the next incarnation of the session every I/O completes once.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "client/usrbio.h"
#include "rig.h"

static struct rig rig;

static void lie_unknown_tag(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	play_complete(s, conn, (io_tag(&io->io[0]) + 1) & 0x3fff, 1);
}

static void lie_sequence(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	play_complete(s, conn, io_tag(&io->io[0]) + (1 << 14), 1);
}

static void lie_huge_tag(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	play_complete(s, conn, UINT32_MAX, 0);
}

static void lie_too_long(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	play_complete(s, conn, io_tag(&io->io[0]), (int64_t)io->io[0].len + 1);
}

static void lie_imm(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	play_imm(s, conn, ~io_tag(&io->io[0]));
}

static void lie_garbage(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	play_send_raw(s, conn, "\x06\xff\xff\xff\xff garbage", 13);
}

static void lie_type(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	play_send_raw(s, conn, "\xee", 1);
}

static void lie_half(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	/* A CompletionBatch of one tag and no result. */
	play_send_raw(s, conn, "\x06\x0a\x08\x00\x00\x00\x00\x00\x00\x00\x00", 11);
}

static void say(struct playserver *s, struct play_conn *conn, const struct message *msg)
{
	play_send(s, conn, msg);
}

static void lie_welcome(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	static const uint8_t secret[SESSION_KEY_SIZE];

	say(s, conn,
	    &(struct message){.type = MSG_WELCOME,
			      .welcome = {.version = PROTO_VERSION,
					  .session_id = {secret, SESSION_ID_SIZE},
					  .session_key = {secret, SESSION_KEY_SIZE},
					  .boot_id = 1,
					  .host = 1,
					  .max_inflight = 1,
					  .max_regions = 1}});
}

static void lie_reply(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	say(s, conn, &(struct message){.type = MSG_REPLY, .reply = {.tag = 3}});
}

static void lie_pong(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	say(s, conn, &(struct message){.type = MSG_PING, .ping = {.nonce = 5, .pong = 1}});
}

static void lie_direction(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	say(s, conn, &(struct message){.type = MSG_SUBMIT, .submit = *io});
}

static void lie_leave(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	s->ops->disconnect(conn->tp);
}

typedef void lie_fn(struct playserver *s, struct play_conn *conn, const struct submit *io);

static void expect_survival(lie_fn *lie, bool write, int64_t result)
{
	const struct hf3fs_ior *ior = write ? &rig.writes : &rig.reads;
	struct hf3fs_cqe cqe;

	memset(&rig, 0, sizeof(rig));
	rig.server.lie = lie;
	rig.server.lie_once = true;
	rig_start(&rig, 8, 0, 0);
	memset(rig.iov.base, 0x5a, 8192);
	cr_assert_eq(rig_io(&rig, ior, 0, 4096), result);
	for (int i = write || !result ? 0 : 4096; i < 8192; i++)
		cr_assert_eq(rig.iov.base[i], 0x5a, "byte %d was written", i);
	rig_until(atomic_load(&rig.server.nr_welcomes) == 2 || !result);
	cr_assert_eq(rig_io(&rig, ior, 0, 4096), 4096);
	cr_assert_eq(hf3fs_wait_for_ios(ior, &cqe, 1, 0, NULL), 0, "once each");
	cr_assert_eq(atomic_load(&rig.server.nr_resumed), 1);
	rig_stop(&rig);
}

#define LIE(name, write)                                  \
	Test(lies, name)                                  \
	{                                                 \
		expect_survival(lie_##name, write, 4096); \
	}

LIE(unknown_tag, false)
LIE(sequence, false)
LIE(huge_tag, false)
LIE(too_long, false)
LIE(imm, false)
LIE(garbage, false)
LIE(type, false)
LIE(half, false)
LIE(welcome, false)
LIE(reply, false)
LIE(pong, false)
LIE(direction, false)
LIE(leave, false)

static void lie_imm_for_write(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	play_imm(s, conn, io_tag(&io->io[0]));
}

LIE(imm_for_write, true)

static void lie_twice(struct playserver *s, struct play_conn *conn, const struct submit *io)
{
	play_complete(s, conn, io_tag(&io->io[0]), 0);
	play_complete(s, conn, io_tag(&io->io[0]), 0);
}

Test(lies, twice)
{
	expect_survival(lie_twice, false, 0);
}

static void expect_refusal(int err)
{
	struct hf3fs_ior ior;
	char url[128];

	memset(&rig, 0, sizeof(rig));
	rig.server.refuse = err;
	play_start(&rig.server);
	cr_assert_eq(hf3fs_iorcreate(&ior, rig.server.mount, 4, true, 0, -1), 0);
	cr_assert_eq(atomic_load(&rig.server.nr_welcomes), 0, "a ring connects nothing");
	snprintf(url, sizeof(url), "%s/file", rig.server.mount);
	cr_assert_eq(usrbio_open(url, O_RDONLY, 0), err);
	hf3fs_iordestroy(&ior);
	play_stop(&rig.server);
}

Test(lies, a_refusal_is_passed_on)
{
	expect_refusal(-EACCES);
	expect_refusal(-EPROTONOSUPPORT);
}
