/* The state directory: what is in it after a restart, and which directories are refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/state.h"

static char parent[] = "/tmp/usrbio-state-XXXXXX";
static char dir[64], losses[80], lock[80];

static void make_parent(void)
{
	cr_assert(mkdtemp(parent));
	snprintf(dir, sizeof(dir), "%s/state", parent);
	snprintf(losses, sizeof(losses), "%s/losses", dir);
	snprintf(lock, sizeof(lock), "%s/lock", dir);
}

static void remove_all(void)
{
	unlink(losses);
	unlink(lock);
	rmdir(dir);
	rmdir(parent);
}

TestSuite(state, .init = make_parent, .fini = remove_all);

static struct state *open_it(void)
{
	struct state *state = NULL;

	cr_assert_eq(state_open(dir, &state), 0);
	return state;
}

Test(state, losses_and_id_survive)
{
	struct state *state = open_it();
	uint64_t id = state_id(state);

	cr_assert_neq(id, 0);
	cr_assert_eq(state_losses(state, "a"), 0);
	cr_assert_eq(state_store(state, "a", 3), 0);
	cr_assert_eq(state_store(state, "a b\n", 7), 0);
	cr_assert_eq(state_store(state, "a", 2), 0, "never fewer");
	cr_assert_eq(state_losses(state, "a"), 3);
	state_close(state);
	state = open_it();
	cr_assert_eq(state_id(state), id);
	cr_assert_eq(state_losses(state, "a"), 3);
	cr_assert_eq(state_losses(state, "a b\n"), 7);
	cr_assert_eq(state_losses(state, "b"), 0);
	state_close(state);
}

Test(state, an_emptied_directory_is_another_one)
{
	struct state *state = open_it();
	uint64_t id = state_id(state);

	state_close(state);
	cr_assert_eq(unlink(losses), 0);
	state = open_it();
	cr_assert_neq(state_id(state), id);
	state_close(state);
}

Test(state, one_server_at_a_time)
{
	struct state *state = open_it(), *other;

	cr_assert_eq(state_open(dir, &other), -EBUSY);
	state_unlock(state);
	other = open_it();
	cr_assert_eq(state_store(state, "a", 1), 0);
	cr_assert_eq(state_losses(other, "a"), 0, "what has been unlocked is not written");
	state_close(state);
	state_close(other);
}

/* Change one byte, or the length, of the file. */
static void damage(off_t at, off_t len)
{
	char byte;
	int fd = open(losses, O_RDWR | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
	if (len)
		cr_assert_eq(ftruncate(fd, len), 0);
	close(fd);
}

Test(state, a_damaged_file_is_refused)
{
	struct state *state = open_it(), *other;
	struct stat st;

	cr_assert_eq(state_store(state, "a", 3), 0);
	state_close(state);
	cr_assert_eq(stat(losses, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		damage(at, 0);
		cr_assert_eq(state_open(dir, &other), -EBADMSG, "%ld", (long)at);
		damage(at, 0);
	}
	state = open_it();
	cr_assert_eq(state_losses(state, "a"), 3);
	state_close(state);
	damage(0, 5);
	cr_assert_eq(state_open(dir, &other), -EBADMSG);
	cr_assert_eq(truncate(losses, 0), 0);
	cr_assert_eq(state_open(dir, &other), -EBADMSG);
}

Test(state, a_directory_that_others_can_change_is_refused)
{
	struct state *other;

	cr_assert_eq(mkdir(dir, 0700), 0);
	cr_assert_eq(chmod(dir, 0777), 0);
	cr_assert_eq(state_open(dir, &other), -EPERM);
	cr_assert_eq(rmdir(dir), 0);
	snprintf(dir, sizeof(dir), "%s/none/state", parent);
	cr_assert_eq(state_open(dir, &other), -ENOENT);
}
