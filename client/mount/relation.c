/*
 * Relations: created with the first mount of a meaning, ended after the last. The mounts own them,
 * and from its end on a relation owns itself. Any thread creates one; the progress thread ends and
 * destroys it.
 */
#include "client/mount/relation.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/session/session.h"
#include "common/base/clock.h"

/* Choose the name under which the loop transport finds the server in this process. */
static void name_server(struct mountspec *spec)
{
	static atomic_uint last;

	snprintf(spec->hosts[0].name, sizeof(spec->hosts[0].name), "in-process-%u",
		 atomic_fetch_add(&last, 1) + 1);
	spec->nr_hosts = 1;
}

struct relation *relation_create(const struct mountspec *spec)
{
	struct relation *relation = calloc(1, sizeof(*relation));

	if (!relation)
		return NULL;
	relation->spec = *spec;
	if (*spec->serve)
		name_server(&relation->spec);
	relation->session = session_create(&relation->spec);
	if (relation->session)
		return relation;
	free(relation); /* this keeps errno */
	return NULL;
}

static void destroy(struct relation *relation)
{
	session_destroy(relation->session);
	free(relation);
}

/* The periodic task of a relation whose server has been told. It is over with its connections. */
static uint64_t poll(struct task *task, uint64_t now, int *fd)
{
	struct relation *relation = container_of(task, struct relation, task);

	(void)fd;
	if (now < relation->until_ns && !session_is_gone(relation->session))
		return now + TICK_NS;
	progress_remove(task);
	destroy(relation);
	return NEVER;
}

void relation_end(struct relation *relation)
{
	relation->until_ns = now_ns() + GOODBYE_NS;
	relation->task.poll = poll;
	list_init(&relation->task.link);
	if (!session_goodbye(relation->session, relation->until_ns) ||
	    progress_add(&relation->task))
		destroy(relation);
}
