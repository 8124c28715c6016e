/*
 * The `usrbio` program: has the table of sub-commands, finds one and runs it. The command
 * `completion` is here, because it prints what is in the table. No state; the main thread.
 */
#include "client/tool/base/tool.h"
#include "client/tool/completion.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usrbio.h>

static int run_completion(int argc, char **argv);

static const char completion_help[] =
	"usage: usrbio completion SHELL\n\n"
	"Print the completion of this program for bash, zsh or fish. For bash:\n\n"
	"  source <(usrbio completion bash)\n";
static const struct option completion_options[] = {{"help", no_argument, NULL, 'h'}, {0}};
static const struct command cmd_completion = {
	.name = "completion",
	.summary = "print completions for a shell",
	.help = completion_help,
	.run = run_completion,
	.letters = "h",
	.options = completion_options,
	.words = COMPLETION_SHELLS,
};

static const struct command *const commands[] = {
	&cmd_cp,    &cmd_sync,	&cmd_ls,    &cmd_stat,	 &cmd_find,   &cmd_du,	   &cmd_df,
	&cmd_cat,   &cmd_mkdir, &cmd_mv,    &cmd_ln,	 &cmd_rm,     &cmd_chmod,  &cmd_touch,
	&cmd_bench, &cmd_ping,	&cmd_stats, &cmd_attach, &cmd_detach, &cmd_keygen, &cmd_completion,
};
#define NR_COMMANDS (sizeof(commands) / sizeof(*commands))

static int run_completion(int argc, char **argv)
{
	next_option(argc, argv);
	if (argc - optind != 1)
		return usage("the name of a shell is needed");
	if (!completion_write(argv[optind], commands, NR_COMMANDS))
		return usage("%s: there are completions for " COMPLETION_SHELLS, argv[optind]);
	return EXIT_FINE;
}

static void print_help(FILE *to)
{
	fprintf(to,
		"usage: usrbio COMMAND [ARGUMENTS]\n\n"
		"Files on storage servers, through the USRBIO ring API.\n"
		"A PATH is tcp://HOST[:PORT]/EXPORT/PATH (or tls:// or rdma://; usrbio:// uses RDMA\n"
		"if possible and TCP otherwise; loop:///DIRECTORY?/PATH needs no server), or lies below\n"
		"a directory that is attached.\n\ncommands:\n");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to,
		"\n'usrbio COMMAND --help' prints more. Exit status: 0 done, 1 something failed,\n"
		"2 wrong usage.\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	}
	return NULL;
}

/* Return the exit status; output that could not be written is a failure, too. */
static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout))
		return fail_text("cannot write the output");
	return status;
}

int main(int argc, char **argv)
{
	const struct command *command;

	setlocale(LC_CTYPE, "");
	/* A command itself reports why it fails, once. */
	if (!getenv("HF3FS_USRBIO_LIB_LOG"))
		setenv("USRBIO_LOG", "error", 0);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return EXIT_FINE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("usrbio %s\n", usrbio_version());
		return EXIT_FINE;
	}
	command = find_command(argv[1]);
	if (!command)
		return usage("there is no command %s", argv[1]);
	speak_for(command);
	return finish(command->run(argc - 1, argv + 1));
}
