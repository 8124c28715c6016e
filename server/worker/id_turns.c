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

struct id_turns *id_turns_get(struct list *ids, const struct account *account, struct rates *rates)
{
	struct id_turns *id = find(ids, account);

	if (!id) {
		id = calloc(1, sizeof(*id));
		if (!id)
			return NULL;
		id->account = account;
		list_init(&id->node);
		list_init(&id->ready);
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
	list_del(&id->node);
	free(id);
}
