/* Makes temporary names: a fixed prefix and 64 random bits. No state; any thread. */
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
	 * If there are no random numbers, the clock will do: O_EXCL refuses a name that exists, and
	 * the caller tries another one.
	 */
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint64_t)clock() ^ (uintptr_t)name;
	snprintf(name, TEMP_NAME_SIZE, ".usrbio-cp-%016" PRIx64, random);
}
