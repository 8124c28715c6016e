/* Plans: rules by point, read from text, asked from any thread. */
#include "common/fault/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const point_names[FAULT_NR_POINTS] = {
	[FAULT_DEVICE] = "device", [FAULT_REGISTER] = "register", [FAULT_CONNECT] = "connect",
	[FAULT_REFUSE] = "refuse", [FAULT_CUT_MSG] = "cut_msg",	  [FAULT_CUT_POST] = "cut_post",
	[FAULT_NO_BUF] = "no_buf", [FAULT_AGAIN] = "again",	  [FAULT_DELAY] = "delay",
};

static const char *const mode_names[] = {
	[FAULT_ONCE] = "once",
	[FAULT_EVERY] = "every",
	[FAULT_RANDOM] = "random",
};

static int index_of(const char *const *names, int nr, const char *name)
{
	for (int i = 0; i < nr; i++)
		if (names[i] && !strcmp(names[i], name))
			return i;
	return -EINVAL;
}

static int parse_word(struct fault_plan *plan, const char *word)
{
	char name[16], mode_name[16];
	unsigned n = 0, polls = 1;
	unsigned long long seed;
	int point, mode, fields;

	if (sscanf(word, "seed=%llu", &seed) == 1) {
		plan->seed = seed;
		return 0;
	}
	fields = sscanf(word, "%15[^=]=%15[^:]:%u:%u", name, mode_name, &n, &polls);
	point = index_of(point_names, FAULT_NR_POINTS, name);
	if (fields < 3 || point < 0 || !n || (fields == 4 && point != FAULT_DELAY))
		return -EINVAL;
	mode = index_of(mode_names, sizeof(mode_names) / sizeof(*mode_names), mode_name);
	if (mode < 0)
		return -EINVAL;
	plan->rules[point].mode = (enum fault_mode)mode;
	plan->rules[point].n = n;
	plan->rules[point].polls = polls;
	return 0;
}

int fault_plan_parse(struct fault_plan *plan, const char *text)
{
	static const char separators[] = " ,";
	char word[64];

	memset(plan, 0, sizeof(*plan));
	for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
		size_t len = strcspn(text, separators);
		int err;

		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, len);
		word[len] = '\0';
		err = parse_word(plan, word);
		if (err)
			return err;
		text += len;
	}
	return 0;
}

/* splitmix64 of seed, point and chance: the same plan fails alike whatever threads do. */
static uint64_t draw(uint64_t seed, unsigned point, unsigned chance)
{
	uint64_t z = seed + ((uint64_t)point << 32) + chance * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

bool fault_fires(struct fault_plan *plan, enum fault_point point)
{
	struct fault_rule *rule = &plan->rules[point];
	unsigned chance;
	bool fires = false;

	if (rule->mode == FAULT_NEVER)
		return false;
	chance = atomic_fetch_add(&rule->seen, 1) + 1;
	switch (rule->mode) {
	case FAULT_NEVER:
		break;
	case FAULT_ONCE:
		fires = chance == rule->n;
		break;
	case FAULT_EVERY:
		fires = chance % rule->n == 0;
		break;
	case FAULT_RANDOM:
		fires = draw(plan->seed, point, chance) % rule->n == 0;
		break;
	}
	if (fires)
		atomic_fetch_add(&rule->fired, 1);
	return fires;
}
