/* Answers that belong to something else, that say what cannot be, or that never come. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/evil/outside/outside.h"

#define CP	"$T cp -r $U/d target"
#define ROWS	1200
#define ESCAPES "\33]0;evil\7\33[31mred\302\23331m\r\n"

enum trick {
	OTHER_TAG,
	OTHER_SLOT,
	HUGE_TAG,
	NO_ANSWER,
	TWO_ANSWERS,
	STATUS_STRANGE,
	STATUS_POSITIVE,
	STATUS_LEAST,
	NO_ATTRIBUTES,
	NO_HANDLE,
	NAMES_UNASKED,
	COUNTS_UNASKED,
	AS_IF_DONE,
};

static void a_tree(struct mock *mock, const struct outside_case *c)
{
	unsigned d = mock_dir(mock, 0, "d"), sub;

	mock_file(mock, d, "a", "first\n");
	mock_file(mock, d, "b", "second\n");
	sub = mock_dir(mock, d, "sub");
	mock_file(mock, sub, "g", "third\n");
}

/* A status that the codec would not encode: fields 1 and 2 of a Reply. */
static bool raw_status(struct mock_conn *conn, uint32_t tag, int32_t status)
{
	uint32_t zigzag = (uint32_t)status << 1 ^ (uint32_t)(status >> 31);
	uint8_t frame[16] = {MSG_REPLY, 0x0d};
	size_t len = 2;

	memcpy(frame + len, &tag, sizeof(tag));
	len += sizeof(tag);
	frame[len++] = 0x10;
	for (; zigzag >= 0x80; zigzag >>= 7)
		frame[len++] = (uint8_t)(zigzag | 0x80);
	frame[len++] = (uint8_t)zigzag;
	wire_frame(&conn->wire, frame, len);
	return false;
}

/* Calls of the case's kind; c->arg is NULL: of every kind. */
static bool wrong_answer(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	static const uint32_t types[1] = {8};
	static const uint64_t counts[NR_COUNTS];
	const uint32_t *op = conn->mock->arg;

	if (op && *op != call->op)
		return true;
	switch ((enum trick)conn->mock->number) {
	case OTHER_TAG:
		reply->tag ^= 1;
		break;
	case OTHER_SLOT:
		reply->tag += CALL_SLOTS;
		break;
	case HUGE_TAG:
		reply->tag = UINT32_MAX;
		break;
	case NO_ANSWER:
		return false;
	case TWO_ANSWERS:
		wire_msg(&conn->wire, &(struct message){.type = MSG_REPLY, .reply = *reply});
		break;
	case STATUS_STRANGE:
		return raw_status(conn, reply->tag, -9999);
	case STATUS_POSITIVE:
		return raw_status(conn, reply->tag, 5);
	case STATUS_LEAST:
		return raw_status(conn, reply->tag, INT32_MIN);
	case NO_ATTRIBUTES:
		reply->attr_valid = 0;
		break;
	case NO_HANDLE:
		reply->file = 0;
		break;
	case NAMES_UNASKED:
		reply->names = (struct bytes){(const uint8_t *)"n", 2};
		reply->types = types;
		reply->nr_types = 1;
		break;
	case COUNTS_UNASKED:
		reply->names = (struct bytes){(const uint8_t *)"n", 2};
		reply->types = types;
		reply->nr_types = 1;
		reply->counts = counts;
		reply->nr_counts = reply->counts_width = NR_COUNTS;
		break;
	case AS_IF_DONE:
		reply->status = 0;
		break;
	}
	return true;
}

static const uint32_t OPEN = CALL_OPEN, STAT = CALL_STAT, READDIR = CALL_READDIR,
		      MKDIR = CALL_MKDIR, RENAME = CALL_RENAME, UNLINK = CALL_UNLINK,
		      COUNTERS = CALL_COUNTERS;

/* The welcome. */
static void texts(struct mock *mock, struct welcome *welcome)
{
	static const uint8_t text[] = ESCAPES;

	welcome->status = (int)mock->number;
	welcome->server = welcome->text = (struct bytes){text, sizeof(text) - 1};
}

static void flags(struct mock *mock, struct welcome *welcome)
{
	welcome->export_flags = (uint32_t)mock->number;
}

static void features(struct mock *mock, struct welcome *welcome)
{
	welcome->features = UINT64_MAX;
}

static void few(struct mock *mock, struct welcome *welcome)
{
	welcome->max_inflight = welcome->max_regions = welcome->max_files = 1;
}

/* As many as go into an answer, of a kind that nobody knows and so nobody prints. */
static void many_rows(struct reply *reply)
{
	static uint8_t names[2 * ROWS];
	static uint32_t types[ROWS];
	static uint64_t counts[ROWS];

	for (size_t i = 0; i < ROWS; i++) {
		names[2 * i] = 'n';
		types[i] = 99;
	}
	reply->names = (struct bytes){names, sizeof(names)};
	reply->types = types;
	reply->counts = counts;
	reply->counts_width = 1;
	reply->nr_types = reply->nr_counts = ROWS;
}

/* Counters with something wrong. */
static bool wrong_counters(struct mock_conn *conn, const struct call *call, struct reply *reply)
{
	static const uint8_t name[] = ESCAPES;

	if (call->op != CALL_COUNTERS)
		return true;
	switch (conn->mock->number) {
	case 0:
		many_rows(reply);
		reply->next = call->off + 1;
		break;
	case 1:
		reply->next = call->off ? call->off : 1;
		break;
	case 2:
		reply->names = (struct bytes){name, sizeof(name)};
		break;
	case 3:
		reply->nr_counts--;
		break;
	case 4:
		reply->counts_width = UINT32_MAX;
		break;
	case 5:
		reply->names.len = reply->nr_types = reply->nr_counts = 0;
		reply->next = call->off + 1;
		break;
	}
	return true;
}

/* mkdir says that it is there, and it is a file; or done, and it is not. */
static void a_file(struct mock *mock, const struct outside_case *c)
{
	mock_file(mock, mock_dir(mock, 0, "d"), "tree", "a file\n");
}

static const char *target_is_empty(struct mock *mock)
{
	return rmdir("target") ? "something is left in the target" : NULL;
}

#define ANSWER(title, trick, which, command, end)                                                  \
	{                                                                                          \
		.name = (title), .build = a_tree, .lie = {.call = wrong_answer}, .run = (command), \
		.verdict = (end), .arg = (which), .number = (trick)                                \
	}
#define COUNTS(title, which, end)                                                       \
	{                                                                               \
		.name = (title), .lie = {.call = wrong_counters}, .run = "$T stats $U", \
		.verdict = (end), .number = (which), .terminal = (which) == 2           \
	}
#define WELCOME(title, what, command, value, end)                                               \
	{                                                                                       \
		.name = (title), .build = a_tree, .lie = {.welcome = (what)}, .run = (command), \
		.number = (value), .verdict = (end)                                             \
	}

const struct outside_case outside_answers[] = {
	ANSWER("answer-tag-ls", OTHER_TAG, NULL, "$T ls $U/d", FAILS),
	ANSWER("answer-tag-cp", OTHER_TAG, NULL, CP, FAILS),
	ANSWER("answer-sequence", OTHER_SLOT, NULL, "$T stat $U/d/a", FAILS),
	ANSWER("answer-huge-tag", HUGE_TAG, NULL, "$T rm -r $U/d", FAILS),
	ANSWER("answer-never-open", NO_ANSWER, &OPEN, CP, FAILS),
	ANSWER("answer-never-stat", NO_ANSWER, &STAT, "$T stat $U/d/a", FAILS),
	ANSWER("answer-never-list", NO_ANSWER, &READDIR, "$T ls $U/d", FAILS),
	ANSWER("answer-never-unlink", NO_ANSWER, &UNLINK, "$T rm -r $U/d", FAILS),
	ANSWER("answer-never-mkdir", NO_ANSWER, &MKDIR, "$T mkdir $U/new", FAILS),
	ANSWER("answer-never-rename", NO_ANSWER, &RENAME, "$T mv $U/d/a $U/d/c", FAILS),
	ANSWER("answer-never-counters", NO_ANSWER, &COUNTERS, "$T stats $U", FAILS),
	ANSWER("answer-twice", TWO_ANSWERS, &STAT, "$T stat $U/d/a", EITHER),
	ANSWER("answer-strange-status", STATUS_STRANGE, &OPEN, CP, FAILS),
	ANSWER("answer-positive-status", STATUS_POSITIVE, &STAT, "$T stat $U/d/a", FAILS),
	ANSWER("answer-least-status", STATUS_LEAST, &READDIR, "$T ls $U/d", FAILS),
	ANSWER("answer-no-attributes", NO_ATTRIBUTES, NULL, "$T stat $U/d/a", FAILS),
	ANSWER("answer-no-attributes-cp", NO_ATTRIBUTES, NULL, CP, FAILS),
	ANSWER("answer-no-handle", NO_HANDLE, &OPEN, CP, FAILS),
	ANSWER("answer-names-unasked", NAMES_UNASKED, &STAT, "$T stat $U/d/a", FAILS),
	ANSWER("answer-counts-unasked", COUNTS_UNASKED, &READDIR, "$T ls $U/d", FAILS),
	ANSWER("answer-as-if-removed", AS_IF_DONE, &UNLINK, "$T rm -r $U/d/missing", EITHER),
	ANSWER("answer-as-if-made", AS_IF_DONE, &MKDIR, "$T cp -r tree $U/keep/file/x", FAILS),
	{.name = "answer-file-for-a-directory",
	 .build = a_file,
	 .run = "$T cp -r tree $U/d",
	 .verdict = FAILS},
	{.name = "answer-no-attributes-leaves-nothing",
	 .build = a_tree,
	 .lie = {.call = wrong_answer},
	 .run = "$T cp $U/d/a target",
	 .verdict = FAILS,
	 .check = target_is_empty,
	 .arg = &OPEN,
	 .number = NO_ATTRIBUTES},

	WELCOME("welcome-refuses-with-escapes", texts, "$T ls $U/d", -EACCES, FAILS),
	WELCOME("welcome-no-export-with-escapes", texts, "$T ls $U/d", -ENOENT, FAILS),
	WELCOME("welcome-with-escapes", texts, "env USRBIO_LOG=debug $T ls $U/d", 0, WELL),
	WELCOME("welcome-read-only", flags, "$T cp -r tree $U/d", EXPORT_READ_ONLY, EITHER),
	WELCOME("welcome-strange-flags", flags, CP, 0xfffffffe, EITHER),
	WELCOME("welcome-strange-features", features, CP, 0, EITHER),
	WELCOME("welcome-few", few, CP, 0, EITHER),

	COUNTS("counters-endless", 0, FAILS),
	COUNTS("counters-stand-still", 1, FAILS),
	COUNTS("counters-with-escapes", 2, EITHER),
	COUNTS("counters-not-whole", 3, FAILS),
	COUNTS("counters-too-wide", 4, FAILS),
	COUNTS("counters-empty-for-ever", 5, FAILS),
	{NULL},
};
