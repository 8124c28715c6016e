/* The `usrbio` program: what its sub-commands share. One file per sub-command, cmd_NAME.c. */
#ifndef USRBIO_TOOL_H
#define USRBIO_TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
	const char *name;
	const char *summary; /* one line */
	const char *help;    /* "usage: usrbio NAME ..." and what the options mean */
	int (*run)(int argc, char **argv);
};

extern const struct command cmd_attach, cmd_bench, cmd_cp, cmd_detach, cmd_keygen, cmd_ls,
	cmd_mkdir, cmd_mv, cmd_ping, cmd_rm, cmd_stat, cmd_stats;

/* Whose name begins what is said from now on. */
void speak_for(const struct command *command);
/* A line without an end, as of progress, is drawn on the terminal: what is said wipes it first. */
void speak_over_line(bool is_drawn);
/*
 * "usrbio NAME: subject: why", one line to stderr, in the library's words where it knows more than
 * errno says. Subjects and arguments are as they
 * came: characters that are not fit to be shown are escaped here, whether stderr is a terminal or a
 * file that somebody reads on one later. err is -errno. Returns EXIT_FAILED.
 */
int fail(const char *subject, int err);
/* The same with words of ours; EXIT_FAILED. */
int fail_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Wrong usage of the running command: one line with a hint to --help. EXIT_USAGE. */
int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * The next option, as getopt_long; -1 at the end. Prints the command's help and ends the program
 * for --help, and ends it with EXIT_USAGE for an unknown option.
 */
int next_option(int argc, char **argv, const char *letters, const struct option *options);

/* "4k", "1M", "1GiB", "512": bytes; powers of 1024. 0 or -EINVAL. */
int parse_size(const char *text, uint64_t *bytes);
/* The argument of an option as a size or a number in [min, max]; ends the program otherwise. */
uint64_t size_option(const char *name, uint64_t min, uint64_t max);

/* DIR/NAME in fresh memory; ends the program when there is none. */
char *join_path(const char *dir, const char *name);

/* For commands that have many files open at once. */
void raise_file_limit(void);

#endif
