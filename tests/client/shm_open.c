/* Shared memory between processes: found by id, by the right user, for as long as it should be. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/memory/shm.h"

#define SIZE 10000

static struct shm mine;
static uint8_t id[16];

static void create(void)
{
	cr_assert_eq(getrandom(id, sizeof(id), 0), sizeof(id));
	cr_assert_eq(shm_create(&mine, id, SIZE, 5000, -1), 0);
}

static void destroy(void)
{
	shm_close(&mine);
}

TestSuite(shm, .init = create, .fini = destroy);

/* Run something in a child; what it returns (0 to 127). */
static int in_child(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(run());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Opens it; the errno. */
static int try_open(size_t size, size_t block_size)
{
	struct shm other;
	int err = shm_open_id(&other, id, size, block_size, -1);

	if (!err)
		shm_close(&other);
	return -err;
}

static int open_right(void)
{
	return try_open(SIZE, 5000);
}

Test(shm, is_zeroed_and_whole)
{
	const uint8_t *bytes = mine.base;

	cr_expect_eq(mine.size, SIZE);
	cr_expect_geq(mine.mapped, SIZE);
	for (size_t i = 0; i < mine.mapped; i++)
		cr_assert_eq(bytes[i], 0);
}

Test(shm, is_for_its_user_alone)
{
	struct stat st;

	cr_assert_eq(fstat(mine.memory_fd, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0600);
	cr_expect_eq(st.st_uid, geteuid());
}

static int write_there(void)
{
	struct shm other;

	if (shm_open_id(&other, id, SIZE, 5000, -1))
		return 1;
	if (other.size != SIZE || strcmp(other.base, "from the parent"))
		return 2;
	strcpy((char *)other.base + SIZE - 20, "from the child");
	shm_close(&other);
	return 0;
}

Test(shm, two_processes_share_contents)
{
	strcpy(mine.base, "from the parent");
	cr_expect_eq(in_child(write_there), 0);
	cr_expect_str_eq((char *)mine.base + SIZE - 20, "from the child");
}

static int other_user(void)
{
	if (setgid(54321) || setuid(54321))
		return 126;
	return open_right();
}

/* As for a process of another network namespace, and for a creator that may have no such socket. */
Test(shm, one_without_an_announcement_is_found)
{
	close(mine.name_fd);
	mine.name_fd = -1;
	strcpy(mine.base, "from the parent");
	cr_expect_eq(in_child(write_there), 0);
	cr_expect_str_eq((char *)mine.base + SIZE - 20, "from the child");
	cr_expect_eq(try_open(SIZE, 5001), ENOENT);
	shm_unlink_id(&mine);
	cr_expect_eq(open_right(), ENOENT);
}

Test(shm, another_user_may_not)
{
	if (geteuid())
		cr_skip_test("only root can become another user");
	cr_expect_eq(in_child(other_user), EPERM);
}

static struct shm theirs;

/* An object that a user has made is not root's to open either. */
static int made_by_other_user(void)
{
	char byte;
	int ready[2], done[2], err;
	pid_t pid;

	if (pipe(ready) || pipe(done) || (pid = fork()) < 0)
		return 125;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		id[0] ^= 1;
		if (setgid(54321) || setuid(54321) || shm_create(&theirs, id, SIZE, 5000, -1))
			_exit(1);
		_exit(write(ready[1], "x", 1) != 1 || read(done[0], &byte, 1) != 1);
	}
	id[0] ^= 1;
	err = read(ready[0], &byte, 1) == 1 ? open_right() : 124;
	if (write(done[1], "x", 1) != 1 || waitpid(pid, NULL, 0) != pid)
		return 123;
	return err;
}

Test(shm, nor_may_root_open_a_users)
{
	if (geteuid())
		cr_skip_test("only root can become another user");
	cr_expect_eq(made_by_other_user(), EPERM);
}

Test(shm, sizes)
{
	cr_expect_eq(try_open(SIZE, 5000), 0);
	cr_expect_eq(try_open(1, 5000), 0);
	cr_expect_eq(try_open(0, 5000), EINVAL);
	cr_expect_eq(try_open(SIZE + 1, 5000), EINVAL);
	cr_expect_eq(try_open(SIZE, 0), ENOENT);
	cr_expect_eq(try_open(SIZE, 5001), ENOENT);
	id[15] ^= 1;
	cr_expect_eq(try_open(SIZE, 5000), ENOENT);
}

Test(shm, unlink_hides_it_and_nothing_else)
{
	struct shm other;

	cr_assert_eq(shm_open_id(&other, id, SIZE, 5000, -1), 0);
	shm_unlink_id(&mine);
	cr_expect_eq(try_open(SIZE, 5000), ENOENT);
	shm_unlink_id(&mine);
	strcpy(mine.base, "still there");
	cr_expect_str_eq(other.base, "still there");
	shm_close(&other);
	cr_expect_str_eq(mine.base, "still there");
}

Test(shm, closing_an_opened_one_leaves_the_creators)
{
	struct shm other;

	cr_assert_eq(shm_open_id(&other, id, SIZE, 5000, -1), 0);
	shm_unlink_id(&other);
	shm_close(&other);
	cr_expect_eq(in_child(open_right), 0);
}

Test(shm, it_cannot_be_cut_under_us)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", mine.memory_fd);
	fd = open(path, O_RDWR);
	cr_assert_geq(fd, 0);
	cr_expect_eq(ftruncate(fd, 0), -1);
	close(fd);
}

/* An announcement of our own making. */
static int announce(int fd, size_t size)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), at = 1;

	at += sprintf(addr.sun_path + at, "usrbio-");
	for (int i = 0; i < 16; i++)
		at += sprintf(addr.sun_path + at, "%02x", id[i]);
	at += sprintf(addr.sun_path + at, "/%x/%x/%zx/%x", getpid(), fd, size, 5000);
	cr_assert_eq(bind(sock, (struct sockaddr *)&addr,
			  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)at)),
		     0);
	return sock;
}

/* What stands behind the number by now is something else: each time -ENOENT, and no harm. */
Test(shm, a_stale_announcement_fools_nobody)
{
	int pipes[2], memory = memfd_create("usrbio-else", MFD_ALLOW_SEALING), sock, named;
	char name[96];

	id[3] ^= 1;
	cr_assert_eq(pipe(pipes), 0);
	sock = announce(pipes[0], SIZE);
	cr_expect_eq(open_right(), ENOENT);
	close(sock);

	cr_assert_eq(ftruncate(memory, 12288), 0);
	cr_assert_eq(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	sock = announce(memory, SIZE);
	cr_expect_eq(open_right(), ENOENT, "another name");
	close(sock);

	sprintf(name, "usrbio-");
	for (int i = 0; i < 16; i++)
		sprintf(name + strlen(name), "%02x", id[i]);
	sprintf(name + strlen(name), ".%zx.%x", (size_t)SIZE, 5000);
	named = memfd_create(name, MFD_ALLOW_SEALING);
	cr_assert_eq(ftruncate(named, 12288), 0);
	sock = announce(named, SIZE);
	cr_expect_eq(open_right(), ENOENT, "may shrink");
	cr_assert_eq(fcntl(named, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	cr_expect_eq(open_right(), 0, "all as it should be");
	close(sock);

	sock = announce(named, 2 * SIZE);
	cr_expect_eq(open_right(), 0, "another size is skipped, and the object found without it");
	close(sock);
	close(named);
	sock = announce(1000, SIZE);
	cr_expect_eq(open_right(), ENOENT, "no such descriptor");
	close(sock);
}

static int create_and_die(void)
{
	struct shm other;
	int err = shm_create(&other, id, SIZE, 5000, -1);

	if (err)
		return -err;
	return open_right();
}

Test(shm, a_dead_creator_leaves_nothing)
{
	int ready[2];
	char byte;
	pid_t pid;

	shm_close(&mine);
	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (create_and_die() || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_expect_eq(open_right(), 0);
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_expect_eq(open_right(), ENOENT);
}
