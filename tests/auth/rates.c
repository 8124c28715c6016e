/* Bytes and I/Os in a second by key: what waits, for how long, and for whom it does not. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "client/hf3fs_usrbio.h"
#include "client/usrbio.h"
#include "common/base/clock.h"
#include "tests/auth/play/fixture.h"
#include "tests/evil/neighbour.h"
#include "tests/support/must.h"

#define IO_SIZE	 4096u
#define MANY	 40
#define PER_S	 "max-ios-per-second = 20\n"
#define BYTES_PS "max-bytes-per-second = 81920\n" /* as many I/Os */

static struct login eve = {"eve", {{0}}};

/* Eve, with these lines in the keyring, and the others. */
static void grant(const char *lines)
{
	char text[256];
	const struct entry entries[] = {{"eve", {&eve}, text},
					{"alice", {&alice}, "export = data:rw\n"},
					{"bob", {&bob}, "export = data:rw\n"},
					{NULL}};

	snprintf(text, sizeof(text), "export = *:rw\n%s", lines);
	must(!secret_draw(&eve.secret), "no randomness");
	fixture_give("eve", &eve);
	must(fixture_keyring(entries), "a keyring");
}

struct reads {
	struct hf3fs_ior ring;
	struct hf3fs_iov iov;
	int fd;
	unsigned done, failed;
	int64_t error; /* of the last that failed */
};

/* Submit MANY reads of the file, and wait for none. */
static void begin(struct reads *reads, const char *name, unsigned timeout)
{
	const char *mount = mount_as(served.url, "data", name, timeout);

	*reads = (struct reads){0};
	reads->fd = usrbio_open(file_as(served.url, "data", name, timeout, "file"), O_RDONLY, 0);
	must(reads->fd >= 0 && hf3fs_reg_fd(reads->fd, 0) <= 0, "%s: %d", name, reads->fd);
	must(!hf3fs_iorcreate(&reads->ring, mount, MANY, true, 0, -1), "iorcreate");
	must(!hf3fs_iovcreate(&reads->iov, mount, IO_SIZE, 0, -1), "iovcreate");
	for (int i = 0; i < MANY; i++)
		must(hf3fs_prep_io(&reads->ring, &reads->iov, true, reads->iov.base, reads->fd, 0,
				   IO_SIZE, NULL) >= 0,
		     "prep_io");
	must(!hf3fs_submit_ios(&reads->ring), "submit_ios");
}

/* Reap what is there, and wait for `min`. */
static void reap(struct reads *reads, int min)
{
	struct hf3fs_cqe cqes[MANY];
	int n = hf3fs_wait_for_ios(&reads->ring, cqes, MANY, min, NULL);

	must(n >= min, "wait_for_ios: %d", n);
	for (int i = 0; i < n; i++) {
		reads->done++;
		if (cqes[i].result != IO_SIZE) {
			reads->failed++;
			reads->error = cqes[i].result;
		}
	}
}

static void end(struct reads *reads)
{
	hf3fs_iordestroy(&reads->ring);
	hf3fs_iovdestroy(&reads->iov);
	hf3fs_dereg_fd(reads->fd);
	usrbio_close(reads->fd);
}

/* It may take longer on a busy machine, and never less than the tokens take to come. */
static void takes_its_time(const char *lines, const char *name)
{
	uint64_t begun;
	struct reads reads;

	grant(lines);
	begun = now_ns();
	begin(&reads, name, 60);
	reap(&reads, MANY);
	if (reads.failed)
		bad("%u reads fail because of a limit: %s", reads.failed,
		    strerror((int)-reads.error));
	if (now_ns() - begun < 3 * NS_PER_S / 2)
		bad("%d reads at 20 in a second take %u ms", MANY,
		    (unsigned)((now_ns() - begun) / 1000000));
	end(&reads);
}

static void slowed(const struct auth_case *c)
{
	takes_its_time(PER_S, "eve");
	takes_its_time(BYTES_PS, "eve");
	takes_its_time(PER_S, "eve&nconnect=4"); /* a limit of the id, not of each connection */
}

/* Eve's wait, and bob, who has come later, is served; at their deadline, and not before, they fail.
 */
static void alone(const struct auth_case *c)
{
	static char told[1 << 16];
	struct neighbour *neighbour;
	struct reads reads;

	grant("max-ios-per-second = 1\n");
	begin(&reads, "eve", 8);
	neighbour = neighbour_start(mount_as(served.url, "data", "bob", 60));
	neighbour_await(neighbour);
	reap(&reads, 0);
	if (reads.done == MANY)
		bad("%d reads at one in a second end before those of others", MANY);
	must(!run_into(told, sizeof(told), TOOL_PROGRAM, "stats", "--json",
		       mount_as(served.url, "data", "eve", 8)),
	     "stats");
	if (!strstr(told, "\"ios_per_second_max\": 1") || strstr(told, "\"throttled\": 0"))
		bad("the limit is not told: %s", told);
	while (reads.done < MANY)
		reap(&reads, 1);
	if (!reads.failed || reads.failed == MANY || reads.error != -EREMOTEIO)
		bad("%u of %d reads fail at the deadline: %s", reads.failed, MANY,
		    strerror((int)-reads.error));
	if (neighbour_stop(neighbour))
		bad("bob, beside a limit of eve's");
	end(&reads);
}

const struct auth_case rate_cases[] = {
	{"rates", slowed},
	{"rates-of-others", alone},
	{NULL},
};
