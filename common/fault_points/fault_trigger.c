/* Counting chances. The owner of a struct fault_trigger keeps it as long as anybody asks. */
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

int fault_trigger_parse(struct fault_trigger *when, const char *text)
{
	size_t len = strlen(text);
	char number[32];

	if (!strncmp(text, "1/", 2)) {
		when->kind = WHEN_ONE_IN;
		when->n = fault_trigger_number(text + 2);
		return when->n ? 0 : -EINVAL;
	}
	if (*text != '#' || len >= sizeof(number))
		return -EINVAL;
	memcpy(number, text + 1, len);
	when->kind = WHEN_THE;
	if (text[len - 1] == '+') {
		when->kind = WHEN_FROM;
		number[len - 2] = '\0';
	}
	when->n = fault_trigger_number(number);
	return when->n ? 0 : -EINVAL;
}

/* splitmix64 of seed and chance: the same plan fails alike whatever threads do. */
static uint64_t draw(uint64_t seed, uint64_t chance)
{
	uint64_t z = seed + chance * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

bool fault_trigger_now(struct fault_trigger *when, uint64_t seed)
{
	uint64_t chance;

	if (when->kind == WHEN_NEVER)
		return false;
	chance = atomic_fetch_add_explicit(&when->seen, 1, memory_order_relaxed) + 1;
	switch (when->kind) {
	case WHEN_ONE_IN:
		return (seed ? draw(seed, chance) : chance) % when->n == 0;
	case WHEN_THE:
		return chance == when->n;
	default:
		return chance >= when->n;
	}
}
