/* The rules of the fault store, which owns them. They are parsed once; any thread counts calls. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/base/log.h"
#include "server/store/fault/store_fault_impl.h"

#define ERRNO_MAX 133
#define RULE_MAX  64 /* bytes of text in a rule */

static const char *const call_names[NR_FAULT_CALLS] = {
	[FAULT_OPEN] = "open",
	[FAULT_STAT] = "stat",
	[FAULT_SYNC] = "sync",
	[FAULT_TRUNCATE] = "truncate",
	[FAULT_PUNCH] = "punch",
	[FAULT_UNLINK] = "unlink",
	[FAULT_RMDIR] = "rmdir",
	[FAULT_MKDIR] = "mkdir",
	[FAULT_RENAME] = "rename",
	[FAULT_LINK] = "link",
	[FAULT_READDIR] = "readdir",
	[FAULT_READ] = "read",
	[FAULT_WRITE] = "write",
	[FAULT_SEEK] = "seek",
	[FAULT_SETATTR] = "setattr",
	[FAULT_GETXATTR] = "getxattr",
	[FAULT_SETXATTR] = "setxattr",
	[FAULT_LISTXATTR] = "listxattr",
	[FAULT_REMOVEXATTR] = "removexattr",
	[FAULT_STATFS] = "statfs",
	[FAULT_FALLOCATE] = "fallocate",
	[FAULT_SYMLINK] = "symlink",
	[FAULT_READLINK] = "readlink",
};

static int call_of(const char *name)
{
	for (int i = 0; i < NR_FAULT_CALLS; i++)
		if (!strcmp(call_names[i], name))
			return i;
	return -EINVAL;
}

/* Get the error of a name, EIO for "eio"; 0: no error has that name. */
static int errno_of(const char *name)
{
	for (int i = 1; i <= ERRNO_MAX; i++)
		if (strerrorname_np(i) && !strcasecmp(strerrorname_np(i), name))
			return i;
	return 0;
}

static int parse_rule(struct store_fault_rule *rule, char *text)
{
	char *what = strchr(text, '.'), *when = strchr(text, '=');
	int call;

	if (!what || !when || when < what)
		return -EINVAL;
	*what++ = '\0';
	*when++ = '\0';
	call = call_of(text);
	if (call < 0)
		return call;
	rule->call = (enum fault_call)call;
	if (!strcmp(what, "delay_ms")) {
		rule->delay_ms = (unsigned)fault_trigger_number(when);
		return rule->delay_ms ? 0 : -EINVAL;
	}
	rule->err = -errno_of(what);
	return rule->err ? fault_trigger_parse(&rule->when, when) : -EINVAL;
}

int store_fault_parse(struct fault_rules *rules, const char *text, size_t len)
{
	const char *end = text + len;
	char copy[RULE_MAX];

	while (text < end) {
		size_t size = 0;
		int err = -EINVAL;

		if (rules->n == FAULT_RULES_MAX)
			return -E2BIG;
		while (text + size < end && text[size] != ',')
			size++;
		if (size < sizeof(copy)) {
			memcpy(copy, text, size);
			copy[size] = '\0';
			err = parse_rule(&rules->rule[rules->n], copy);
		}
		if (err) {
			log_error("fault store: unknown rule \"%.*s\"; use CALL.WHAT=WHEN, as in "
				  "read.eio=1/100",
				  (int)size, text);
			return err;
		}
		rules->n++;
		text += size + 1;
	}
	return 0;
}

int store_fault_decide(struct fault_rules *rules, enum fault_call call, unsigned *delay_ms)
{
	int err = 0;

	*delay_ms = 0;
	for (unsigned i = 0; i < rules->n; i++) {
		struct store_fault_rule *rule = &rules->rule[i];

		if (rule->call != call)
			continue;
		*delay_ms += rule->delay_ms;
		if (!rule->err)
			continue;
		if (fault_trigger_now(&rule->when, 0) && !err)
			err = rule->err;
	}
	return err;
}

int store_fault_check(struct store *store, enum fault_call call)
{
	unsigned delay_ms;
	int err = store_fault_decide(&((struct fault_store *)store)->rules, call, &delay_ms);
	struct timespec ts = {delay_ms / 1000, delay_ms % 1000 * 1000000l};

	while (delay_ms && clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
	return err;
}
