/* The rules of the fault store: text to table, and the count of each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "server/store_fault.h"

#define ERRNO_MAX 133
#define RULE_MAX  64 /* bytes of text in a rule */

static const char *const call_names[NR_FAULT_CALLS] = {
	[FAULT_OPEN] = "open",	       [FAULT_STAT] = "stat",	    [FAULT_SYNC] = "sync",
	[FAULT_TRUNCATE] = "truncate", [FAULT_PUNCH] = "punch",	    [FAULT_UNLINK] = "unlink",
	[FAULT_RMDIR] = "rmdir",       [FAULT_MKDIR] = "mkdir",	    [FAULT_RENAME] = "rename",
	[FAULT_LINK] = "link",	       [FAULT_READDIR] = "readdir", [FAULT_READ] = "read",
	[FAULT_WRITE] = "write",
};

static int call_of(const char *name)
{
	for (int i = 0; i < NR_FAULT_CALLS; i++)
		if (!strcmp(call_names[i], name))
			return i;
	return -EINVAL;
}

/* "eio" to EIO; 0 when no error is called that. */
static int errno_of(const char *name)
{
	for (int i = 1; i <= ERRNO_MAX; i++)
		if (strerrorname_np(i) && !strcasecmp(strerrorname_np(i), name))
			return i;
	return 0;
}

/* A positive number and nothing after it, or 0. */
static uint64_t number_of(const char *text)
{
	char *end;
	uint64_t n;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	return errno || *end ? 0 : n;
}

static int parse_rule(struct fault_rule *rule, char *text)
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
		rule->delay_ms = (unsigned)number_of(when);
		return rule->delay_ms ? 0 : -EINVAL;
	}
	rule->err = -errno_of(what);
	rule->every = !strncmp(when, "1/", 2);
	rule->nth = rule->every ? number_of(when + 2) : *when == '#' ? number_of(when + 1) : 0;
	return rule->err && rule->nth ? 0 : -EINVAL;
}

int fault_rules_parse(struct fault_rules *rules, const char *text, size_t len)
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
			log_error("fault store: what is \"%.*s\"?", (int)size, text);
			return err;
		}
		rules->n++;
		text += size + 1;
	}
	return 0;
}

int fault_rules_decide(struct fault_rules *rules, enum fault_call call, unsigned *delay_ms)
{
	int err = 0;

	*delay_ms = 0;
	for (unsigned i = 0; i < rules->n; i++) {
		struct fault_rule *rule = &rules->rule[i];
		uint64_t count;

		if (rule->call != call)
			continue;
		*delay_ms += rule->delay_ms;
		if (!rule->err)
			continue;
		count = atomic_fetch_add(&rule->seen, 1) + 1;
		if (!err && (rule->every ? !(count % rule->nth) : count == rule->nth))
			err = rule->err;
	}
	return err;
}
