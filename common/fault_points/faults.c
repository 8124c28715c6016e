/*
 * The rules of the fault points. The process owns them. The first thread that reaches a point reads
 * them from the environment. After that only their counters change. Any thread may use them.
 */
#include "common/fault_points/faults.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/log.h"
#include "common/fault_points/fault_trigger.h"

#define RULE_MAX 64

#define FAULTS_NAME(id, name) name,
static const char *const names[] = {FAULTS(FAULTS_NAME) "any"};
#undef FAULTS_NAME

enum { ANY = FAULTS_NR, NR_RULES };

static struct fault_trigger rules[NR_RULES];
static uint64_t seed;
static bool on;

static int parse_rule(char *text)
{
	char *trigger = strchr(text, '=');

	if (!trigger)
		return -EINVAL;
	*trigger++ = '\0';
	for (int i = 0; i < NR_RULES; i++)
		if (!strcmp(names[i], text))
			return fault_trigger_parse(&rules[i], trigger);
	return -EINVAL;
}

static int parse(const char *text)
{
	char rule[RULE_MAX];
	int err = 0;

	while (!err && *text) {
		size_t len = strcspn(text, ",");

		if (len >= sizeof(rule))
			return -EINVAL;
		memcpy(rule, text, len);
		rule[len] = '\0';
		err = parse_rule(rule);
		text += len;
		text += *text == ',';
	}
	return err;
}

static void complain(const char *text)
{
	char known[512] = "";
	size_t len = 0;

	for (int i = 0; i < NR_RULES; i++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, " %s", names[i]);
	log_error("USRBIO_FAULTS=%s: nothing will fail; use NAME=1/N, NAME=#K or "
		  "NAME=#K+, separated by commas; the names are:%s",
		  text, known);
}

static void draw_seed(void)
{
	const char *given = getenv("USRBIO_FAULTS_SEED");

	seed = given ? fault_trigger_number(given) : 0;
	if (!seed && getrandom(&seed, sizeof(seed), 0) < 0)
		seed = 1;
}

static void start(void)
{
	const char *text = getenv("USRBIO_FAULTS");

	if (!text || !*text)
		return;
	if (parse(text)) {
		complain(text);
		return;
	}
	draw_seed();
	log_warn("USRBIO_FAULTS=%s USRBIO_FAULTS_SEED=%" PRIu64, text, seed);
	on = true;
}

bool faults_on(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start);
	return on;
}

/* Leave out allocations, because they are so many that no other point would ever fail. */
static bool counts_as_any(enum faults_point point)
{
	return point != FAULTS_ALLOC_FAIL && point != FAULTS_ARENA_FAIL;
}

bool faults_hit(enum faults_point point, const char *where)
{
	/* Each point draws with another seed. */
	bool hit = fault_trigger_now(&rules[point], seed + point);

	if (counts_as_any(point))
		hit |= fault_trigger_now(&rules[ANY], seed + ANY);
	if (hit)
		log_warn("fault: %s at %s", names[point], where);
	return hit;
}
