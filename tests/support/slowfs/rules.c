/*
 * The table of rules. A rule that was dropped stays in its place until the process ends, so that
 * operations which it hung find it. Operations leave a rule in the order in which they came.
 */
#include "tests/support/slowfs/rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RULES_MAX 4096

struct rule {
	struct rule_spec spec;
	bool dropped;
	unsigned matched;
	uint64_t arrived, let; /* operations that came to hang, and those of them that may go on */
	unsigned hung;
};

static struct rule rules[RULES_MAX];
static int nr_rules;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static const char *const names[NR_OPS] = {
	[OP_LOOKUP] = "lookup",	    [OP_GETATTR] = "getattr", [OP_SETATTR] = "setattr",
	[OP_READLINK] = "readlink", [OP_MKNOD] = "mknod",     [OP_MKDIR] = "mkdir",
	[OP_UNLINK] = "unlink",	    [OP_RMDIR] = "rmdir",     [OP_SYMLINK] = "symlink",
	[OP_RENAME] = "rename",	    [OP_LINK] = "link",	      [OP_OPEN] = "open",
	[OP_CREATE] = "create",	    [OP_READ] = "read",	      [OP_WRITE] = "write",
	[OP_FLUSH] = "flush",	    [OP_RELEASE] = "release", [OP_FSYNC] = "fsync",
	[OP_OPENDIR] = "opendir",   [OP_READDIR] = "readdir", [OP_RELEASEDIR] = "releasedir",
	[OP_FSYNCDIR] = "fsyncdir", [OP_STATFS] = "statfs",   [OP_FALLOCATE] = "fallocate",
	[OP_LSEEK] = "lseek",
};

static uint32_t op_bit(const char *name, size_t len)
{
	if (len == 3 && !memcmp(name, "any", 3))
		return (1u << NR_OPS) - 1;
	for (int i = 0; i < NR_OPS; i++)
		if (strlen(names[i]) == len && !memcmp(names[i], name, len))
			return 1u << i;
	return 0;
}

uint32_t rules_ops(const char *text)
{
	uint32_t ops = 0;

	for (;;) {
		size_t len = strcspn(text, ",");
		uint32_t bit = op_bit(text, len);

		if (!bit)
			return 0;
		ops |= bit;
		if (!text[len])
			return ops;
		text += len + 1;
	}
}

int rules_add(const struct rule_spec *spec)
{
	int id = -ENOSPC;

	pthread_mutex_lock(&lock);
	if (nr_rules < RULES_MAX) {
		rules[nr_rules] = (struct rule){.spec = *spec};
		id = ++nr_rules;
	}
	pthread_mutex_unlock(&lock);
	return id;
}

/* NULL: there is none. */
static struct rule *find(int id)
{
	return id > 0 && id <= nr_rules && !rules[id - 1].dropped ? &rules[id - 1] : NULL;
}

int rules_release(int id, unsigned n)
{
	struct rule *rule;
	int let = -ENOENT;

	pthread_mutex_lock(&lock);
	rule = find(id);
	if (rule) {
		let = (int)(n < rule->hung ? n : rule->hung);
		rule->let += (unsigned)let;
		rule->hung -= (unsigned)let;
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
	return let;
}

static void drop(struct rule *rule)
{
	rule->dropped = true;
	rule->let = UINT64_MAX;
	rule->hung = 0;
	pthread_cond_broadcast(&changed);
}

int rules_drop(int id)
{
	struct rule *rule;
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!id)
		for (int i = 0; i < nr_rules; i++)
			drop(&rules[i]);
	else if ((rule = find(id)))
		drop(rule);
	else
		err = -ENOENT;
	pthread_mutex_unlock(&lock);
	return err;
}

int rules_state(int id, unsigned *hung, unsigned *matched)
{
	struct rule *rule;

	pthread_mutex_lock(&lock);
	rule = find(id);
	if (rule) {
		*hung = rule->hung;
		*matched = rule->matched;
	}
	pthread_mutex_unlock(&lock);
	return rule ? 0 : -ENOENT;
}

static int wait_until(int id, unsigned hung, unsigned matched)
{
	struct rule *rule;

	pthread_mutex_lock(&lock);
	while ((rule = find(id)) && (rule->hung < hung || rule->matched < matched))
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return rule ? 0 : -ENOENT;
}

int rules_wait_hung(int id, unsigned n)
{
	return wait_until(id, n, 0);
}

int rules_wait_matched(int id, unsigned n)
{
	return wait_until(id, 0, n);
}

static bool matches(const struct rule *rule, enum op op, const char *path, const char *path2)
{
	const struct rule_spec *spec = &rule->spec;

	if (rule->dropped || !(spec->ops & 1u << op) ||
	    (spec->count && rule->matched == spec->count))
		return false;
	return !fnmatch(spec->pattern, path, 0) || (path2 && !fnmatch(spec->pattern, path2, 0));
}

static void hang(struct rule *rule)
{
	uint64_t place = rule->arrived++;

	rule->hung++;
	pthread_cond_broadcast(&changed);
	while (rule->let <= place)
		pthread_cond_wait(&changed, &lock);
}

int rules_enter(enum op op, const char *path, const char *path2)
{
	struct rule_spec spec = {.action = ACT_PASS};
	struct timespec ts;
	int i;

	pthread_mutex_lock(&lock);
	for (i = nr_rules; i && !matches(&rules[i - 1], op, path, path2);)
		i--;
	if (i) {
		spec = rules[i - 1].spec;
		rules[i - 1].matched++;
		pthread_cond_broadcast(&changed);
		if (spec.action == ACT_HANG)
			hang(&rules[i - 1]);
	}
	pthread_mutex_unlock(&lock);
	ts = (struct timespec){spec.number / 1000, spec.number % 1000 * 1000000L};
	if (spec.action == ACT_DELAY)
		while (nanosleep(&ts, &ts) && errno == EINTR)
			;
	return spec.action == ACT_FAIL ? (int)spec.number : 0;
}
