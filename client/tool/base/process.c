/* Raises limits of the tool's own process. No state; the main thread. */
#include <sys/resource.h>

#include "client/tool/base/tool.h"

void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}
