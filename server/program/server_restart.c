/*
 * What the server says at its start about the open files of clients that a restart would lose. The
 * main thread calls it once. It has no state.
 */
#include <stdio.h>

#include "common/base/log.h"
#include "server/manager/kept.h"
#include "server/program/server.h"
#include "server/store/store.h"
#include "server/worker/server_impl.h"

/* Get what hinders any of the exports, and count those whose files end with the process. */
static unsigned hindrances_of(const struct server *server, unsigned *forgetful)
{
	unsigned all = 0;

	*forgetful = 0;
	for (unsigned i = 0; i < server->exports.nr; i++) {
		const struct store *store = server->exports.list[i].store;

		for (; store; store = store->inner) {
			all |= store->hindrances;
			*forgetful += store->forgets && !store->inner;
		}
	}
	return all;
}

static const char *lost_because_of(unsigned hindrances)
{
	if (hindrances & STORE_NO_NAMES)
		return "any file of a file system without file handles and times of birth";
	if (hindrances & STORE_NO_HANDLES)
		return "files that were moved far, or that this user may not open any more, "
		       "because there are no file handles";
	return "files that were moved far, or that this user may not open any more, because the "
	       "server has not CAP_DAC_READ_SEARCH and CAP_DAC_OVERRIDE";
}

void server_restart_report(const struct server *server)
{
	unsigned forgetful, hindrances = hindrances_of(server, &forgetful), max = kept_max();
	const char *modes =
		server->state ? "" : ", files whose permissions have changed (no --state)";
	const char *memory = forgetful ? ", files of memory: exports" : "";

	if (hindrances && max)
		log_info("a restart does not survive: more open files than the %u descriptors that "
			 "the service manager keeps%s",
			 max, memory);
	else if (hindrances)
		log_warn(
			"a restart does not survive: open files that were removed, %s%s%s; systemd "
			"can keep them, see RESTARTS in usrbio-server(8)",
			lost_because_of(hindrances), modes, memory);
	else
		log_info("a restart does not survive: open files that were removed%s%s", modes,
			 memory);
}
