/* The list of all providers. It never changes, and any thread reads it. */
#include "common/provider/provider.h"

#include <string.h>

const struct tp_ops *provider_find(const char *scheme)
{
	static const struct tp_ops *const providers[] = {&tp_verbs, &tp_tcp, &tp_tls, &tp_loop};

	for (size_t i = 0; i < sizeof(providers) / sizeof(*providers); i++)
		if (!strcmp(providers[i]->name, scheme))
			return providers[i];
	return NULL;
}
