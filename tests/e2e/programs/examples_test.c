/* The examples, from outside: each does to a real file what its first lines say. */
#include <string.h>

#include "tests/e2e/support/harness.h"
#include "tests/e2e/support/io.h"
#include "tests/support/pattern.h"

enum { SIZE = 700001 };

#define EXAMPLE(name) E2E_EXAMPLES "/" name

/* The name the export knows a file by. Good for two calls. */
static const char *name_of(const char *name)
{
	static char names[2][256];
	static int next;

	snprintf(names[next ^= 1], sizeof(names[0]), "%s%s", e2e_prefix, name);
	return names[next];
}

/* Run a command of the shell with $1 the mount point, $2 and $3 file names, and $4 a local file. */
static int shell(const char *command)
{
	return run("/bin/sh", "-c", command, "sh", e2e_mount, name_of("file"), name_of("copy"),
		   scratch_file("out"));
}

static void expect_pattern_in_scratch(uint64_t seed, size_t size)
{
	static uint8_t bytes[SIZE + 1];
	FILE *f = fopen(scratch_file("out"), "re");

	cr_assert(f);
	cr_assert_eq(fread(bytes, 1, sizeof(bytes), f), size);
	cr_assert_eq(pattern_diff(bytes, size, seed, 0), -1);
	fclose(f);
}

E2E(examples, read_file_prints_the_first_4_KiB)
{
	file_make("file", 7, SIZE);
	cr_assert_eq(shell(EXAMPLE("01_read_file") " $1 $2 >$4"), 0);
	expect_pattern_in_scratch(7, 4096);
	cr_assert_eq(run(EXAMPLE("01_read_file"), e2e_mount, "no-such-file"), 1);
	cr_assert_eq(
		shell(EXAMPLE("01_read_file") " $1 no-such-file 2>&1 | grep -q 'No such file'"), 0);
}

E2E(examples, write_file_stores_standard_input)
{
	char seen[6] = "";

	cr_assert_eq(shell("printf hello | " EXAMPLE("02_write_file") " $1 $2"), 0);
	cr_assert_eq(file_size("file"), 5);
	file_read("file", seen, 5, 0);
	cr_assert_str_eq(seen, "hello");
	/* Longer than its buffer, and over what was there. */
	cr_assert_eq(shell("head -c 3000000 /dev/zero | " EXAMPLE("02_write_file") " $1 $2"), 0);
	cr_assert_eq(file_size("file"), 3000000);
	file_check_zero("file", 0, 3000000);
}

E2E(examples, copy_file_copies)
{
	file_make("file", 7, 9 * SIZE); /* more than one batch, and a rest */
	cr_assert_eq(shell(EXAMPLE("03_copy_file") " $1 $2 $3"), 0);
	cr_assert_eq(file_size("copy"), 9 * SIZE);
	file_check("copy", 7, 0, 9 * SIZE);
}

E2E(examples, many_rings_read_the_whole_file)
{
	file_make("file", 8, SIZE);
	cr_assert_eq(shell(EXAMPLE("04_many_rings") " $1 $2 >$4"), 0);
	expect_pattern_in_scratch(8, SIZE);
}

E2E(examples, wrapped_memory_takes_the_whole_file)
{
	file_make("file", 9, SIZE);
	cr_assert_eq(shell(EXAMPLE("05_wrap_memory") " $1 $2 >$4"), 0);
	expect_pattern_in_scratch(9, SIZE);
}

E2E(examples, a_child_reads_into_an_iov_of_its_parent)
{
	file_make("file", 10, SIZE);
	cr_assert_eq(shell(EXAMPLE("06_share_iov") " $1 $2 >$4"), 0);
	expect_pattern_in_scratch(10, SIZE);
}

E2E(examples, polling_sees_every_byte)
{
	static uint8_t bytes[SIZE];
	uint64_t sum = 0;
	char out[200], want[100];

	file_make("file", 11, SIZE);
	pattern_fill(bytes, SIZE, 11, 0);
	for (int i = 0; i < SIZE; i++)
		sum += bytes[i];
	snprintf(want, sizeof(want), "%d bytes, sum %llu\n", SIZE, (unsigned long long)sum);
	cr_assert_eq(run_into(out, sizeof(out), EXAMPLE("07_poll"), e2e_mount, name_of("file")), 0);
	cr_assert_str_eq(out, want);
}

E2E(examples, event_loop_reads_the_whole_file)
{
	char out[200], want[100];
	const uint64_t size = 3000017;

	file_make("file", 12, size);
	snprintf(want, sizeof(want), "%llu bytes\n", (unsigned long long)size);
	cr_assert_eq(
		run_into(out, sizeof(out), EXAMPLE("09_event_loop"), e2e_mount, name_of("file")),
		0);
	cr_assert_str_eq(out, want);
}

E2E(examples, checkpoint_writes_every_tensor)
{
	enum { TENSORS = 64 };
	static uint8_t bytes[400000];
	uint64_t at = 0;

	cr_assert_eq(run(EXAMPLE("08_checkpoint"), e2e_mount, name_of("file"), "64"), 0);
	for (int i = 0; i < TENSORS; i++) {
		size_t len = 1000 + (size_t)i * 4093 % 300000;

		file_read("file", bytes, len, at);
		for (size_t b = 0; b < len; b++)
			cr_assert_eq(bytes[b], i, "byte %zu of tensor %d", b, i);
		at += len;
	}
	cr_assert_eq(file_size("file"), at);
}
