/*
 * The ids at a worker: one for each account with connections there. A worker has few, and looks for
 * one only when a connection begins. The worker owns them, and only its thread runs this.
 */
#include "server/worker/id_turns.h"

#include <stdlib.h>

static struct id_turns *find(const struct list *ids, const struct account *account)
{
	list_for_each (it, ids) {
		struct id_turns *id = container_of(it, struct id_turns, all);

		if (id->account == account)
			return id;
	}
	return NULL;
}

static void init_line(struct id_line *id)
{
	list_init(&id->node);
	list_init(&id->conns);
}

struct id_turns *id_turns_get(struct list *ids, const struct account *account, struct rates *rates)
{
	struct id_turns *id = find(ids, account);

	if (!id) {
		id = calloc(1, sizeof(*id));
		if (!id)
			return NULL;
		id->account = account;
		init_line(&id->ready);
		for (int i = 0; i < NR_STAGING; i++)
			init_line(&id->waiting_for_buf[i]);
		list_add_tail(ids, &id->all);
	}
	id->rates = rates;
	id->nr_conns++;
	return id;
}

void id_turns_put(struct id_turns *id)
{
	if (--id->nr_conns)
		return;
	list_del(&id->all);
	list_del(&id->ready.node);
	for (int i = 0; i < NR_STAGING; i++)
		list_del(&id->waiting_for_buf[i].node);
	free(id);
}
