/* What is read is not there, or more than was asked for; what is written is not taken. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/evil/outside/outside.h"

#define CP_F   "$T cp --block 64k $U/d/f target/f"
#define UPLOAD "$T cp tree/a $U/d/new"
#define SIZE   300000u

enum trick {
	SHORT_FOR_GOOD,
	SHORT_AND_GO_ON,
	TOO_LONG,
	NEGATIVE_HUGE,
	NO_DATA,
	SOME_DATA,
	FAILS_LATE,
	NEVER,
	TWICE,
	ENDLESS,
	BEYOND,
	BEFORE,
	OTHER_SLOT,
	FETCH_BEYOND,
	FETCH_WHEN_READING,
	ZERO,
	ONE_BYTE,
};

/* d/f of SIZE bytes, all 'x'. */
static void big_file(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d"), f = mock_file(mock, d, "f", "");

	mock->nodes[f].size = SIZE;
}

static const uint8_t *junk(void)
{
	static uint8_t bytes[1 << 20];

	memset(bytes, 'x', sizeof(bytes));
	return bytes;
}

/* Memory around an I/O's is not the server's to use. */
static void reach(struct mock_conn *conn, const struct io_entry *io, int64_t off)
{
	mock_give(conn, io_tag(io), off, "evil", 4);
	mock_serve_io(conn, IO_READ, io);
}

/* A result that the codec would not encode: the last eight bytes of its frame. */
static void complete_raw(struct mock_conn *conn, const struct io_entry *io, int64_t result)
{
	const struct io_result done = {io_tag(io), 1};
	const struct message msg = {.type = MSG_COMPLETION, .completion = {.n = 1, .done = &done}};
	uint8_t bytes[256];
	size_t len = wire_pack(&msg, bytes, sizeof(bytes));

	memcpy(bytes + len - sizeof(result), &result, sizeof(result));
	wire_bytes(&conn->wire, bytes, len);
}

/* How much of the file an I/O is about. */
static int64_t there(const struct io_entry *io)
{
	uint64_t left = io->off < SIZE ? SIZE - io->off : 0;

	return (int64_t)(io->len < left ? io->len : left);
}

static bool lie_reading(struct mock_conn *conn, const struct io_entry *io)
{
	struct mock *mock = conn->mock;
	int64_t half = (int64_t)io->len / 2;

	switch ((enum trick)mock->number) {
	case SHORT_FOR_GOOD:
		mock_complete(conn, io, 0);
		return true;
	case SHORT_AND_GO_ON:
		if (io->off >= SIZE || io->len < 8192)
			return false;
		mock_give(conn, io_tag(io), 0, junk(), 4096);
		mock_complete(conn, io, 4096);
		return true;
	case TOO_LONG:
		mock_give(conn, io_tag(io), 0, junk(), (uint32_t)io->len);
		mock_complete(conn, io, (int64_t)io->len + 1);
		return true;
	case NEGATIVE_HUGE:
		complete_raw(conn, io, INT64_MIN);
		return true;
	case NO_DATA:
		mock_complete(conn, io, there(io));
		return true;
	case SOME_DATA:
		if (there(io))
			mock_give(conn, io_tag(io), 0, junk(), (uint32_t)(there(io) / 2));
		mock_complete(conn, io, there(io));
		return true;
	case FAILS_LATE:
		if (io->off < 4096)
			return false;
		mock_complete(conn, io, -EIO);
		return true;
	case NEVER:
		return true;
	case TWICE:
		mock_serve_io(conn, IO_READ, io);
		mock_complete(conn, io, half);
		return true;
	case ENDLESS: /* until somebody has had enough */
		if (io->off > 256u << 20) {
			mock_complete(conn, io, -EIO);
			return true;
		}
		mock_give(conn, io_tag(io), 0, junk(),
			  (uint32_t)(io->len < 1 << 20 ? io->len : 1 << 20));
		mock_complete(conn, io, (int64_t)(io->len < 1 << 20 ? io->len : 1 << 20));
		return true;
	case BEYOND:
		reach(conn, io, (int64_t)io->len);
		return true;
	case BEFORE:
		reach(conn, io, -4);
		return true;
	case FETCH_WHEN_READING:
		mock_fetch(conn, io_tag(io), 0, 64, 0);
		mock_serve_io(conn, IO_READ, io);
		return true;
	default:
		return false;
	}
}

static bool lie_writing(struct mock_conn *conn, const struct io_entry *io)
{
	switch ((enum trick)conn->mock->number) {
	case ZERO:
		mock_complete(conn, io, 0);
		return true;
	case ONE_BYTE:
		mock_complete(conn, io, 1);
		return true;
	case TOO_LONG:
		mock_complete(conn, io, (int64_t)io->len + 1);
		return true;
	case NEVER:
		return true;
	case FAILS_LATE:
		mock_complete(conn, io, -ENOSPC);
		return true;
	case FETCH_BEYOND: /* what comes after it in the client's memory */
		mock_fetch(conn, io_tag(io), (int64_t)io->len - 1, 64, 0);
		mock_serve_io(conn, IO_WRITE, io);
		return true;
	case OTHER_SLOT: /* as if it had been asked to fill that memory */
		mock_give(conn, io_tag(io), 0, "evil", 4);
		mock_serve_io(conn, IO_WRITE, io);
		return true;
	default:
		return false;
	}
}

static bool lie(struct mock_conn *conn, uint32_t op, const struct io_entry *io)
{
	return op == IO_READ ? lie_reading(conn, io) : lie_writing(conn, io);
}

/* Nothing that looks whole stands under the name, and nothing of it is left beside it. */
static const char *no_f(struct mock *mock)
{
	if (!access("target/f", F_OK))
		return "a file that was not copied is there";
	return rmdir("target") ? "something is left in the target" : NULL;
}

static const char *f_is_whole(struct mock *mock)
{
	struct stat st;

	return stat("target/f", &st) || st.st_size != SIZE ? "the copy is not whole" : NULL;
}

static const char *no_new(struct mock *mock)
{
	for (unsigned i = 0; i < mock->nr_nodes; i++)
		if (!mock->nodes[i].gone && !strcmp(mock->nodes[i].name, "new"))
			return "a file that was not copied is there";
	return NULL;
}

/* What the server does not do. */
static bool refuse(struct mock *mock, const struct call *call, struct reply *reply)
{
	if (call->op != mock->count)
		return false;
	reply->status = -EIO;
	return true;
}

static void refused(struct mock *mock, const struct outside_case *c)
{
	mock_dir(mock, 0, "d");
	mock->count = (uint64_t)c->number;
}

#define READ(title, trick, what, end)                                                \
	{                                                                            \
		.name = (title), .build = big_file, .lie = {.io = lie}, .run = CP_F, \
		.verdict = (end), .check = (what), .number = (trick)                 \
	}
#define WRITE(title, trick)                                                            \
	{                                                                              \
		.name = (title), .build = big_file, .lie = {.io = lie}, .run = UPLOAD, \
		.verdict = FAILS, .check = no_new, .number = (trick)                   \
	}
#define REFUSED(title, op)                                                                   \
	{                                                                                    \
		.name = (title), .build = refused, .lie = {.refuse = refuse}, .run = UPLOAD, \
		.verdict = FAILS, .check = no_new, .number = (op)                            \
	}

const struct outside_case outside_data[] = {
	READ("read-nothing", SHORT_FOR_GOOD, NULL, EITHER),
	READ("read-short", SHORT_AND_GO_ON, f_is_whole, WELL),
	READ("read-too-long", TOO_LONG, no_f, FAILS),
	READ("read-negative", NEGATIVE_HUGE, no_f, FAILS),
	READ("read-without-data", NO_DATA, NULL, EITHER),
	READ("read-half-the-data", SOME_DATA, NULL, EITHER),
	READ("read-fails-late", FAILS_LATE, no_f, FAILS),
	READ("read-never-ends", NEVER, no_f, FAILS),
	READ("read-completed-twice", TWICE, NULL, EITHER),
	READ("read-endless-file", ENDLESS, no_f, FAILS),
	READ("read-writes-beyond", BEYOND, no_f, FAILS),
	READ("read-writes-elsewhere", BEFORE, no_f, FAILS),
	READ("read-fetches", FETCH_WHEN_READING, no_f, FAILS),
	WRITE("write-of-nothing", ZERO),
	WRITE("write-too-long", TOO_LONG),
	WRITE("write-never-ends", NEVER),
	WRITE("write-fails", FAILS_LATE),
	WRITE("write-fetches-beyond", FETCH_BEYOND),
	WRITE("write-fills", OTHER_SLOT),
	{.name = "write-one-byte-each",
	 .build = big_file,
	 .lie = {.io = lie},
	 .run = UPLOAD,
	 .verdict = EITHER,
	 .number = ONE_BYTE},
	REFUSED("upload-fsync-fails", CALL_FSYNC),
	REFUSED("upload-rename-fails", CALL_RENAME),
	REFUSED("upload-open-fails", CALL_OPEN),
	{.name = "bench-short",
	 .build = big_file,
	 .lie = {.io = lie},
	 .run = "$T bench --time 1 $U/d/f",
	 .verdict = FAILS,
	 .number = TOO_LONG},
	{.name = "bench-fails",
	 .build = big_file,
	 .lie = {.io = lie},
	 .run = "$T bench --time 1 $U/d/f",
	 .verdict = FAILS,
	 .number = FAILS_LATE},
	{NULL},
};
