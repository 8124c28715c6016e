/* Temporary names: a fixed prefix and 64 random bits. No state; any thread. */
#include "client/tool/base/temp_name.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

void temp_name(char name[TEMP_NAME_SIZE])
{
	uint64_t random;

	/*
	 * Without random numbers the clock is sufficient, because O_EXCL refuses a name that
	 * exists.
	 */
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint64_t)clock() ^ (uintptr_t)name;
	snprintf(name, TEMP_NAME_SIZE, ".usrbio-cp-%016" PRIx64, random);
}
