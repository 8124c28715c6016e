/*
 * Relations: created with the first mount of a meaning, destroyed after the last. The mounts own
 * them; any thread creates one, the progress thread destroys it.
 */
#include "client/mount/relation.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/session/session.h"

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

void relation_destroy(struct relation *relation)
{
	session_destroy(relation->session);
	free(relation);
}
