/* The evil server's tree, and what an honest server would answer about it. Under the mock's lock.
 */
#ifndef USRBIO_TESTS_EVIL_MOCK_TREE_H
#define USRBIO_TESTS_EVIL_MOCK_TREE_H

#include "tests/evil/outside/mock.h"

/* What an answer points to. */
struct mock_answer {
	uint8_t names[8192];
	uint32_t types[512];
	uint64_t counts[NR_COUNTS], ids[2 * ANCESTORS_MAX];
	struct attr_row rows[STATS_MAX];
};

void mock_tree_begin(struct mock *mock);
/* All of the reply but its tag. */
void mock_tree_call(struct mock *mock, const struct call *call, struct mock_answer *memory,
		    struct reply *reply);
void mock_tree_read(const struct node *node, uint8_t *data, uint64_t off, uint64_t len);
void mock_tree_write(struct mock *mock, struct node *node, const uint8_t *data, uint64_t off,
		     uint64_t len);

#endif
