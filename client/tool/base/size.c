/* Parses sizes and numbers of the command line, and joins paths. No state; any thread. */
#include "client/tool/base/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Return the power of 1024 of a suffix: "", "k", "K", "KiB", ...; -1 if it is unknown. */
static int suffix_power(const char *suffix)
{
	static const char letters[] = "kmgt";
	const char *at;

	if (!*suffix)
		return 0;
	at = strchr(letters, *suffix | 0x20);
	if (!at || (suffix[1] && strcasecmp(suffix + 1, "iB") && strcasecmp(suffix + 1, "B")))
		return -1;
	return (int)(at - letters) + 1;
}

int parse_size(const char *text, uint64_t *bytes)
{
	uint64_t value;
	char *end;
	int power;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	power = suffix_power(end);
	if (errno || power < 0 || value > UINT64_MAX >> 10 * power)
		return -EINVAL;
	*bytes = value << 10 * power;
	return 0;
}

uint64_t size_option(const char *name, uint64_t min, uint64_t max)
{
	uint64_t value;

	if (parse_size(optarg, &value))
		exit(usage("%s: '%s' is no number", name, optarg));
	if (value < min || value > max)
		exit(usage("%s: %s is not in %" PRIu64 " to %" PRIu64, name, optarg, min, max));
	return value;
}

char *join_path(const char *dir, const char *name)
{
	size_t len = strlen(dir);
	char *path;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (asprintf(&path, "%.*s%s%s", (int)len, dir, dir[len - 1] == '/' ? "" : "/", name) < 0)
		exit(fail_text("out of memory"));
	return path;
}
