/* Clients that are killed, and the children and neighbours they leave; and unloaded libraries. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/survive/again.h"
#include "tests/e2e/support/io.h"
#include "tests/e2e/support/load.h"
#include "tests/e2e/support/traces.h"

/* `e2e_life COMMAND` over two connections; it has everything in use and told the id of its iov. */
static void start(struct process *client, const char *command, char *id, size_t size)
{
	const char *mount = mount_with("nconnect=2");
	char url[1400];

	snprintf(url, sizeof(url), "%s/%sfile", mount, e2e_prefix);
	process_start(client, (const char *const[]){E2E_LIFE, mount, command, url, NULL}, NULL);
	cr_assert(process_line(client, id, size));
	cr_assert_eq(strlen(id), 32, "%s", id);
	cr_assert(has_name(id));
}

static void kill_and_look(struct process *client, const char *id)
{
	cr_assert_not(kill(client->pid, SIGKILL));
	cr_assert_eq(process_wait(client), 128 + SIGKILL);
	expect_no_name(id);
}

/* Does the server have a file open whose name begins with `name`? */
static bool server_has_open(const char *name)
{
	char path[64], link[1024], begin[1024];
	struct dirent *entry;
	bool found = false;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", e2e_server.process.pid);
	snprintf(begin, sizeof(begin), "%s", path_of(name));
	dir = opendir(path);
	cr_assert(dir);
	while (!found && (entry = readdir(dir))) {
		n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		if (n > 0) {
			link[n] = '\0';
			found = !strncmp(link, begin, strlen(begin));
		}
	}
	closedir(dir);
	return found;
}

/* Killed again and again under load, while a neighbour works: nothing of it stays. */
E2E(killed, under_load_nothing_stays_and_neighbours_go_on)
{
	bool watched = e2e_server.process.pid;
	struct load *neighbour;
	struct process client;
	unsigned fds;
	char id[64];

	server_forgets_soon();
	file_make("file", 3, 4096);
	start(&client, "busy", id, sizeof(id));
	kill_and_look(&client, id);
	neighbour = load_start(e2e_mount, "neighbour", 2);
	fds = settled_server_fds();
	for (int i = 0; i < full_or_quick(100, 5); i++) {
		start(&client, "busy", id, sizeof(id));
		cr_assert(!watched || server_has_open("life."));
		kill_and_look(&client, id);
		load_await(neighbour);
	}
	/* Their sessions are kept for a moment. */
	await_server_fds(fds);
	cr_assert(!watched || !server_has_open("life."));
	load_stop(neighbour);
}

/* What a dead parent had is gone although its forked child lives on. */
E2E(killed, a_living_child_keeps_nothing_of_its_dead_parent)
{
	struct process client;
	char id[64], line[64];
	unsigned fds;

	server_forgets_soon();
	file_make("file", 3, 4096);
	start(&client, "busy", id, sizeof(id));
	kill_and_look(&client, id);
	fds = settled_server_fds();
	for (int i = 0; i < full_or_quick(10, 2); i++) {
		start(&client, "orphan", id, sizeof(id));
		cr_assert_not(kill(client.pid, SIGKILL));
		/* The parent is gone for sure once its name is; the child still holds its stdin. */
		for (int turn = 0; has_name(id); turn++) {
			cr_assert_lt(turn, 3000, "the name stays");
			nap_ms(10);
		}
		await_server_fds(fds);
		process_close_stdin(&client);
		cr_assert(process_line(&client, line, sizeof(line)));
		cr_assert_str_eq(line, "left");
		cr_assert_eq(process_wait(&client), 128 + SIGKILL);
	}
}

/* dlclose with I/O in flight, forks of a process that has unloaded the library, and its end. */
E2E(unloaded, with_io_in_flight_and_around_forks)
{
	static const char *const libraries[] = {E2E_OTHER_NAME, E2E_LIBRARY};
	const char *rounds = full_or_quick("20", "3"), *url = url_of("file");

	file_make("file", 3, 400000);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(run(E2E_LOADER, e2e_mount, url, libraries[i], rounds), 0);
}
