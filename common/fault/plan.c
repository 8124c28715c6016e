/* A plan: a rule for each point, read from text. The caller owns it, and any thread may ask it. */
#include "common/fault/plan.h"

#include <errno.h>
#include <string.h>

static const char *const point_names[FAULT_NR_POINTS] = {
	[FAULT_NO_BUF] = "no_buf",
	[FAULT_AGAIN] = "again",
	[FAULT_DELAY] = "delay",
};

static int parse_rule(struct fault_plan_rule *rule, bool delay, char *text)
{
	char *polls = strchr(text, ':');

	rule->polls = 1;
	if (polls) {
		*polls++ = '\0';
		rule->polls = (unsigned)fault_trigger_number(polls);
		if (!delay || !rule->polls)
			return -EINVAL;
	}
	return fault_trigger_parse(&rule->when, text);
}

static int parse_word(struct fault_plan *plan, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (!strcmp(word, "seed")) {
		plan->seed = fault_trigger_number(value);
		return plan->seed ? 0 : -EINVAL;
	}
	for (int i = 0; i < FAULT_NR_POINTS; i++)
		if (!strcmp(point_names[i], word))
			return parse_rule(&plan->rules[i], i == FAULT_DELAY, value);
	return -EINVAL;
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

bool fault_fires_once(struct fault_plan *plan, enum fault_point point, bool *fired)
{
	uint64_t seed =
		plan->seed ? plan->seed + point : 0; /* each point has random numbers of its own */

	*fired = !*fired && fault_trigger_now(&plan->rules[point].when, seed);
	return *fired;
}
