/* The evil client over rdma: its card serves the server's one-sided operations; and its tables. */
#include "tests/evil/clients/evil.h"

enum seen evil_reached(struct evil *e, int op)
{
	return evil_result(e, e->wire.hdr.tag, INT64_MAX);
}

const struct lie *const client_lies[] = {reach_lies, key_lies, send_lies, killed_lies, NULL};
