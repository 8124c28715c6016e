/*
 * Fault triggers: parsing them, and counting their chances. The rule or the plan that contains a
 * struct fault_trigger owns it. Any thread may ask it.
 */
#include "common/fault_points/fault_trigger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t fault_trigger_number(const char *text)
{
	char *end;
	uint64_t n;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	return errno || *end ? 0 : n;
}

int fault_trigger_parse(struct fault_trigger *trigger, const char *text)
{
	size_t len = strlen(text);
	char number[32];

	if (!strncmp(text, "1/", 2)) {
		trigger->kind = TRIGGER_ONE_IN;
		trigger->n = fault_trigger_number(text + 2);
		return trigger->n ? 0 : -EINVAL;
	}
	if (*text != '#' || len >= sizeof(number))
		return -EINVAL;
	memcpy(number, text + 1, len);
	trigger->kind = TRIGGER_KTH;
	if (text[len - 1] == '+') {
		trigger->kind = TRIGGER_FROM_KTH;
		number[len - 2] = '\0';
	}
	trigger->n = fault_trigger_number(number);
	return trigger->n ? 0 : -EINVAL;
}

/* Compute splitmix64 of seed and chance, so that a plan fails in the same way on every run. */
static uint64_t draw(uint64_t seed, uint64_t chance)
{
	uint64_t z = seed + chance * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

bool fault_trigger_now(struct fault_trigger *trigger, uint64_t seed)
{
	uint64_t chance;

	if (trigger->kind == TRIGGER_NEVER)
		return false;
	chance = atomic_fetch_add_explicit(&trigger->seen, 1, memory_order_relaxed) + 1;
	switch (trigger->kind) {
	case TRIGGER_ONE_IN:
		return (seed ? draw(seed, chance) : chance) % trigger->n == 0;
	case TRIGGER_KTH:
		return chance == trigger->n;
	default:
		return chance >= trigger->n;
	}
}
