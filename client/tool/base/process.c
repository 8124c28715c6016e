/* What the tool asks of its own process: more descriptors. No state. */
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
