/* Whose connection is next at a worker. */
#include <criterion/criterion.h>
#include <string.h>

#include "server/account/account.h"
#include "server/worker/id_turns.h"

struct conn {
	struct list node;
	char name;
};

static struct list ids, line;
static struct account accounts[3];

static void begin(void)
{
	list_init(&ids);
	list_init(&line);
}

TestSuite(id_turns, .init = begin);

static void add(struct id_turns *id, struct conn *conns, const char *names)
{
	for (; *names; names++, conns++) {
		conns->name = *names;
		id_turns_add(&line, &id->ready, &conns->node);
	}
}

/* Those that are next, each of which comes again if it is of `again`. */
static const char *order(struct id_turns *again, unsigned max)
{
	static char text[64];
	struct list *node;
	unsigned n = 0;

	while (n < max && (node = id_turns_next(&line))) {
		text[n] = container_of(node, struct conn, node)->name;
		if (again && text[n] >= 'a')
			id_turns_add(&line, &again->ready, node);
		n++;
	}
	text[n] = 0;
	return text;
}

Test(id_turns, ids_take_turns_and_so_do_their_connections)
{
	struct id_turns *many = id_turns_get(&ids, &accounts[0], NULL);
	struct id_turns *two = id_turns_get(&ids, &accounts[1], NULL);
	struct id_turns *one = id_turns_get(&ids, &accounts[2], NULL);
	struct conn conns[10];

	add(many, conns, "ABCDEF");
	add(two, conns + 6, "12");
	add(one, conns + 8, "x");
	cr_expect_str_eq(order(NULL, 64), "A1xB2CDEF");
	cr_expect(list_empty(&line));
	add(many, conns, "ABCDEF");
	add(one, conns + 8, "x");
	cr_expect_str_eq(order(one, 12), "AxBxCxDxExFx", "%s", order(one, 12));
}

Test(id_turns, one_that_leaves_takes_no_turn)
{
	struct id_turns *id = id_turns_get(&ids, &accounts[0], NULL);
	struct id_turns *other = id_turns_get(&ids, &accounts[1], NULL);
	struct conn conns[3];

	add(id, conns, "A");
	add(other, conns + 1, "12");
	list_del(&conns[0].node);
	list_del(&conns[1].node);
	cr_expect_str_eq(order(NULL, 64), "2");
	add(id, conns, "A");
	list_del(&conns[0].node);
	id_turns_put(id);
	cr_expect(list_empty(&line));
	id_turns_put(other);
	cr_expect(list_empty(&ids));
}

/* An id waits for a turn and for a buffer at the same time. */
Test(id_turns, an_id_has_a_place_in_each_line)
{
	struct id_turns *id = id_turns_get(&ids, &accounts[0], NULL);
	struct list buffers;
	struct conn conns[2];

	list_init(&buffers);
	add(id, conns, "A");
	id_turns_add(&buffers, &id->waiting_for_buf[STAGING_LARGE], &conns[1].node);
	cr_expect_eq(id_turns_next(&buffers), &conns[1].node);
	cr_expect_null(id_turns_next(&buffers));
	cr_expect_str_eq(order(NULL, 64), "A");
	id_turns_add(&buffers, &id->waiting_for_buf[STAGING_LARGE], &conns[1].node);
	id_turns_put(id);
	cr_expect(list_empty(&buffers));
}

Test(id_turns, an_account_is_one_id)
{
	struct id_turns *id = id_turns_get(&ids, &accounts[0], NULL);

	cr_assert_eq(id_turns_get(&ids, &accounts[0], &accounts[0].rates), id);
	cr_expect_eq(id->rates, &accounts[0].rates);
	cr_assert_neq(id_turns_get(&ids, &accounts[1], NULL), id);
	id_turns_put(id);
	cr_assert_eq(id_turns_get(&ids, &accounts[0], NULL), id);
	cr_expect_null(id->rates);
}
