/*
 * The number of the machine, derived by HKDF from the kernel's random boot id. The process owns it,
 * and computes it once. Any thread may ask.
 */
#include "common/host/host.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/crypto/hkdf.h"

#define BOOT_ID	     "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_SIZE 36 /* of the text */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char boot[BOOT_ID_SIZE];
static uint64_t own;

static uint64_t random_number(void)
{
	uint64_t number = 0;

	while (!number && getrandom(&number, sizeof(number), 0) > 0)
		;
	return number ? number : (uint64_t)getpid();
}

static uint64_t derive(const char *salt, const void *what, size_t len)
{
	uint8_t prk[HKDF_SIZE];
	uint64_t number = 0;

	if (!hkdf_extract(salt, strlen(salt), what, len, prk))
		memcpy(&number, prk, sizeof(number));
	return number ? number : random_number();
}

uint64_t host_of(const void *what, size_t len)
{
	return derive("usrbio host", what, len);
}

static void find(void)
{
	int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	bool known = fd >= 0 && read(fd, boot, sizeof(boot)) == BOOT_ID_SIZE;

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; !known && i < sizeof(boot); i += sizeof(own)) {
		own = random_number();
		memcpy(boot + i, &own,
		       sizeof(boot) - i < sizeof(own) ? sizeof(boot) - i : sizeof(own));
	}
	own = host_of(boot, sizeof(boot));
}

uint64_t host_boot_of(const char *purpose, const void *what, size_t len)
{
	char all[BOOT_ID_SIZE + HOST_BOOT_MAX];

	pthread_once(&once, find);
	if (len > HOST_BOOT_MAX)
		len = HOST_BOOT_MAX;
	memcpy(all, boot, sizeof(boot));
	memcpy(all + sizeof(boot), what, len);
	return derive(purpose, all, sizeof(boot) + len);
}

uint64_t host_id(void)
{
	pthread_once(&once, find);
	return own;
}
