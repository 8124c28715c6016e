/* Traces of clients, in /proc and /dev/shm. No state. */
#include "tests/e2e/support/traces.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/e2e/support/harness.h"

unsigned server_fds(void)
{
	return e2e_on_loop ? 0 : process_fds(e2e_server.process.pid);
}

void await_server_fds(unsigned most)
{
	for (int i = 0; server_fds() > most; i++) {
		cr_assert_lt(i, 3000, "descriptors of gone clients stay: %u, not %u", server_fds(),
			     most);
		nap_ms(10);
	}
}

unsigned settled_server_fds(void)
{
	unsigned n = server_fds();

	for (int still = 0; still < 150; still++) {
		nap_ms(10);
		if (server_fds() != n)
			still = 0;
		n = server_fds();
	}
	return n;
}

bool has_name(const char *id)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[512];
	bool found = false;

	cr_assert(f);
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, id);
	fclose(f);
	return found;
}

static bool directory_mentions(const char *path, const char *text)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	cr_assert(dir);
	while (!found && (entry = readdir(dir)))
		found = strstr(entry->d_name, text);
	closedir(dir);
	return found;
}

void expect_no_name(const char *id)
{
	cr_assert_not(has_name(id));
	cr_assert_not(directory_mentions("/dev/shm", id));
	cr_assert_not(directory_mentions("/dev/shm", "hf3fs"));
}

unsigned log_lines_with(const char *path, const char *text)
{
	FILE *file = fopen(path, "re");
	char line[1024];
	unsigned n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return n;
}
