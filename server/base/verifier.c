/*
 * The write verifier of an export; see verifier.h. It is derived from the boot id of the machine,
 * which it does not reveal, from the export's name, from the number of losses and from the id of
 * the state directory. So the losses of a new directory do not repeat those of the old one.
 */
#include "server/base/verifier.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "common/host/host.h"
#include "server/base/state.h"

struct input {
	uint64_t start, losses, state;
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
	input.state = state_id(verifier->state);
	memcpy(input.export, verifier->export, sizeof(input.export));
	atomic_store(&verifier->value, host_boot_of("usrbio verifier", &input, sizeof(input)));
}

int verifier_open(struct verifier *verifier, const char *export, bool forgets, struct state *state)
{
	memset(verifier, 0, sizeof(*verifier));
	if (forgets && getrandom(&verifier->start, sizeof(verifier->start), 0) < 0)
		return -errno;
	verifier->state = state;
	verifier->losses = state_losses(state, export);
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

void verifier_save(struct verifier *verifier)
{
	uint64_t losses;

	lock_acquire(&verifier->lock);
	losses = verifier->losses;
	lock_release(&verifier->lock);
	if (losses)
		state_store(verifier->state, verifier->export, losses);
}
