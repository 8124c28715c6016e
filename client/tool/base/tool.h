/*
 * The functions that the sub-commands of the `usrbio` program share. Each sub-command is a file
 * cmd_NAME.c.
 */
#ifndef USRBIO_TOOL_H
#define USRBIO_TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The exit codes of the program. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
	const char *name;
	const char *summary; /* one line */
	const char *help;    /* "usage: usrbio NAME ..." and what the options mean */
	int (*run)(int argc, char **argv);
	const char *letters; /* its short options, and its long ones, as getopt_long takes them */
	const struct option *options;
	const char *words; /* what its arguments may be, for completion; NULL: paths */
};

extern const struct command cmd_attach, cmd_bench, cmd_cat, cmd_chmod, cmd_cp, cmd_detach, cmd_df,
	cmd_du, cmd_find, cmd_keygen, cmd_ln, cmd_ls, cmd_mkdir, cmd_mv, cmd_ping, cmd_rm, cmd_stat,
	cmd_stats, cmd_sync, cmd_touch;

/* Set the command with whose name all later messages begin. */
void speak_for(const struct command *command);
/*
 * Announce whether the terminal shows a line without a newline, such as the progress line. If it
 * does, a message wipes that line first.
 */
void speak_over_line(bool is_drawn);
/*
 * Write one line "usrbio NAME: subject: why" to stderr; err is -errno. The line has the library's
 * reason if it knows more than errno. The caller passes paths unchanged: characters that could
 * control a terminal are escaped here, also if stderr is a file, which may be shown on a terminal
 * later. Returns EXIT_FAILED.
 */
int fail(const char *subject, int err);
/* Write one line with a text of the caller. Returns EXIT_FAILED. */
int fail_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * Report wrong usage of the running command in one line, with a hint to --help. Returns EXIT_USAGE.
 */
int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Return the next option of the running command, as getopt_long does; -1 at the end. For --help it
 * prints the command's help and ends the program; for an unknown option it ends the program with
 * EXIT_USAGE.
 */
int next_option(int argc, char **argv);

/* Parse a size in bytes: "4k", "1M", "1GiB", "512", with powers of 1024. 0 or -EINVAL. */
int parse_size(const char *text, uint64_t *bytes);
/*
 * Return the argument of an option as a size or number from min to max; end the program with
 * EXIT_USAGE if it is none.
 */
uint64_t size_option(const char *name, uint64_t min, uint64_t max);

/* Return DIR/NAME, which the caller frees; end the program if there is no memory. */
char *join_path(const char *dir, const char *name);

/* Raise the limit of descriptors, for commands that have many files open at once. */
void raise_file_limit(void);

#endif
