/* How large a server becomes, by what it was told and what it has. */
#include "server/program/sizing.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "server/program/server.h"

#define MIB ((uint64_t)1 << 20)

static struct sizing sizing;
static struct log_catch caught;

/* A machine, or a control group if `by` is not NULL. */
static struct sizing_host host_of(uint64_t mib, uint64_t cpus, const char *by)
{
	struct sizing_host host = {
		.memory = {.value = mib * MIB},
		.memory_left = GROUP_NO_LIMIT,
		.cpus = {.value = cpus},
		.tasks = {.value = GROUP_NO_LIMIT},
	};

	if (by)
		strcpy(host.memory.by, by);
	return host;
}

static int decide(const struct server_config *config, const struct sizing_host *host)
{
	int err;

	memset(&sizing, 0, sizeof(sizing));
	log_catch_begin(&caught);
	err = sizing_decide(config, host, &sizing);
	log_catch_end(&caught);
	if (!err) {
		cr_expect_geq(sizing.nr_workers, 1);
		cr_expect_geq(sizing.staging_mib, 1);
		cr_expect_geq(sizing.max, sizing.own + 16 * MIB);
	}
	return err;
}

Test(sizing, a_machine_gives_half_of_its_memory)
{
	const struct server_config config = {0};
	struct sizing_host host = host_of(64 << 10, 16, NULL);

	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.max, (32 << 10) * MIB);
	cr_expect_eq(sizing.nr_workers, 16);
	cr_expect_eq(sizing.staging_mib, 32);
	cr_expect_eq(sizing.own, (16 + 16 * 34) * MIB);
}

Test(sizing, options_are_taken_as_they_are)
{
	const struct server_config config = {.memory_mib = 128, .nr_workers = 2, .staging_mib = 32};
	struct sizing_host host = host_of(64 << 10, 16, NULL);

	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.max, 128 * MIB);
	cr_expect_eq(sizing.nr_workers, 2);
	cr_expect_eq(sizing.staging_mib, 32);
	cr_expect_str_eq(sizing.max_by, "--memory");
}

Test(sizing, what_was_asked_for_and_does_not_fit_is_refused)
{
	struct server_config config = {.memory_mib = 64, .nr_workers = 2, .staging_mib = 32};
	struct sizing_host host = host_of(64 << 10, 16, NULL);

	cr_assert_eq(decide(&config, &host), -ENOMEM);
	cr_expect_str_eq(
		caught.text,
		"--memory 64 is too little: 2 workers with --staging 32 need 100 MiB; raise it, or lower --workers or --staging");
	/* What was not asked for is made to fit. */
	config.staging_mib = 0;
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.nr_workers, 2);
	cr_expect_eq(sizing.staging_mib, 14);
	config.nr_workers = 0;
	config.memory_mib = 40;
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.nr_workers, 1);
	cr_expect_eq(sizing.staging_mib, 6);
}

Test(sizing, a_small_group_gets_a_small_server)
{
	const struct server_config config = {0};
	struct sizing_host host = host_of(128, 64, "FILE");

	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.max, 64 * MIB);
	cr_expect_leq(sizing.own, 32 * MIB);
	cr_expect_eq(sizing.nr_workers, 2);
	cr_expect_eq(sizing.staging_mib, 6);
	cr_expect_str_eq(sizing.max_by, "by FILE");
	host.cpus.value = 1;
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.nr_workers, 1);
	cr_expect_eq(sizing.staging_mib, 14);
}

Test(sizing, too_many_workers_for_a_group_are_refused_with_a_way_out)
{
	struct server_config config = {.nr_workers = 64};
	struct sizing_host host = host_of(128, 64, "FILE");

	cr_assert_eq(decide(&config, &host), -ENOMEM);
	cr_expect_str_eq(caught.text,
			 "64 workers with --staging 4 need 416 MiB, and the control group leaves "
			 "112 for them, because FILE says 128 MiB: use --workers 13, or raise that "
			 "limit");
	config.nr_workers = 13;
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_leq(sizing.max, 112 * MIB);
	config.nr_workers = 0;
	host.memory.value = 32 * MIB;
	cr_assert_eq(decide(&config, &host), -ENOMEM);
	cr_expect(strstr(caught.text, "because FILE says 32 MiB: raise that limit"), "%s",
		  caught.text);
	host.memory.value = 0;
	cr_assert_eq(decide(&config, &host), -ENOMEM);
}

Test(sizing, more_memory_than_a_group_allows_is_cut_with_a_warning)
{
	const struct server_config config = {.memory_mib = 4096, .nr_workers = 1, .staging_mib = 8};
	struct sizing_host host = host_of(256, 4, "FILE");

	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.max, (256 - 32) * MIB);
	cr_expect_str_eq(caught.text,
			 "--memory 4096 is more than the control group allows: it is 224 MiB now, "
			 "because FILE says 256 MiB");
}

Test(sizing, memory_exports_have_their_part)
{
	struct export_config exports[] = {{.name = "a", .where = "fault:read.eio=1/2:memory:64"},
					  {.name = "b", .where = "/"}};
	const struct server_config config = {.exports = exports, .nr_exports = 2};
	struct sizing_host host = host_of(128, 4, "FILE");

	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.max, (128 - 16 - 64) * MIB);
	exports[1].where = "memory:64";
	cr_expect_eq(decide(&config, &host), -ENOMEM);
	exports[1].where = "memory:17592186044415";
	cr_expect_eq(decide(&config, &host), -ENOMEM);
	/* Those without a size share a quarter. */
	exports[0].where = exports[1].where = "memory:";
	host.memory.value = 1024 * MIB;
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.max, 512 * MIB);
	exports[0].where = "memory:400";
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.max, (1024 - 128 - 400 - 256) * MIB);
}

Test(sizing, what_others_of_the_group_use_is_not_there)
{
	const struct server_config config = {.nr_workers = 2, .staging_mib = 8};
	struct sizing_host host = host_of(128, 4, "FILE");

	host.memory_left = 36 * MIB;
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.own, 36 * MIB);
	host.memory_left--;
	cr_assert_eq(decide(&config, &host), -ENOMEM);
	cr_expect(strstr(caught.text, "left 35 of the 128 MiB that FILE says"), "%s", caught.text);
}

Test(sizing, threads_for_calls)
{
	struct export_config exports[16] = {{.name = "a", .where = "/"}};
	struct server_config config = {.exports = exports, .nr_exports = 1};
	struct sizing_host host = host_of(128, 4, "FILE");

	for (int i = 1; i < 16; i++)
		exports[i] = exports[0];
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.call_threads, SERVER_CALL_THREADS);
	config.nr_exports = 8;
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.call_threads, 4);
	config.nr_exports = 16;
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.call_threads, 2);
	host = host_of(128 << 10, 4, NULL);
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.call_threads, SERVER_CALL_THREADS);
	host.tasks.value = 400;
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.call_threads, 3);
	host.tasks.value = 0;
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.call_threads, 2);
	config.call_threads = 1000;
	cr_assert_eq(decide(&config, &host), 0);
	cr_expect_eq(sizing.call_threads, 1000);
}

/* Whatever there is: a server that fits, or a refusal. */
Test(sizing, no_size_is_beyond_the_group)
{
	for (uint64_t mib = 0; mib < 1200; mib += 7)
		for (unsigned i = 0; i < 3 * 3 * 3 * 3; i++) {
			const struct server_config config = {
				.nr_workers = (unsigned[]){0, 3, 256}[i % 3],
				.staging_mib = (unsigned[]){0, 1, 1 << 20}[i / 3 % 3],
				.memory_mib = (unsigned[]){0, 90, 1 << 24}[i / 9 % 3],
			};
			struct sizing_host host =
				host_of(mib, (uint64_t[]){1, 64, 100000}[i / 27], "FILE");

			if (!decide(&config, &host))
				cr_expect_leq(sizing.max, mib * MIB * 7 / 8);
		}
}

static void put(const char *root, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
	file = fopen(path, "we");
	cr_assert(file);
	fputs(text, file);
	fclose(file);
}

Test(sizing, looks_at_groups)
{
	char root[] = "/tmp/usrbio-sizing-XXXXXX", command[64];
	struct sizing_host host;

	cr_assert(mkdtemp(root));
	sizing_look(root, &host);
	cr_expect_eq(host.memory.value,
		     (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
	cr_expect_str_eq(host.memory.by, "");
	put(root, "/proc/self/cgroup", "0::/a\n");
	put(root, "/sys/fs/cgroup/a/memory.max", "134217728\n");
	put(root, "/sys/fs/cgroup/a/memory.current", "34217728\n");
	put(root, "/sys/fs/cgroup/a/cpu.max", "100 100\n");
	sizing_look(root, &host);
	cr_expect_eq(host.memory.value, 128 * MIB);
	cr_expect_eq(host.memory_left, 100000000);
	cr_expect_eq(host.cpus.value, 1);
	/* A limit above what the machine has is none. */
	put(root, "/sys/fs/cgroup/a/memory.max", "1152921504606846976\n");
	sizing_look(root, &host);
	cr_expect_str_eq(host.memory.by, "");
	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}
