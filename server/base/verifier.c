/*
 * The write verifier of an export; see verifier.h. It is derived from the boot id of the machine,
 * which it does not reveal, from the export's name and from the number of losses.
 */
#include "server/base/verifier.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "common/host/host.h"

struct input {
	uint64_t start, losses;
	char export[EXPORT_NAME_MAX + 1];
};

_Static_assert(sizeof(struct input) <= HOST_BOOT_MAX, "host_boot_of() takes no more");

/* Compute the value. The caller holds the lock, or is the only user. */
static void compute(struct verifier *verifier)
{
	struct input input;

	memset(&input, 0, sizeof(input)); /* the padding, too */
	input.start = verifier->start;
	input.losses = verifier->losses;
	memcpy(input.export, verifier->export, sizeof(input.export));
	atomic_store(&verifier->value, host_boot_of("usrbio verifier", &input, sizeof(input)));
}

int verifier_open(struct verifier *verifier, const char *export, bool forgets)
{
	memset(verifier, 0, sizeof(*verifier));
	if (forgets && getrandom(&verifier->start, sizeof(verifier->start), 0) < 0)
		return -errno;
	strncpy(verifier->export, export, EXPORT_NAME_MAX);
	lock_init(&verifier->lock, LOCK_VERIFIER);
	compute(verifier);
	return 0;
}

void verifier_close(struct verifier *verifier)
{
	lock_destroy(&verifier->lock);
}

void verifier_lost(struct verifier *verifier)
{
	lock_acquire(&verifier->lock);
	verifier->losses++;
	compute(verifier);
	lock_release(&verifier->lock);
}
