/*
 * Completions for bash, zsh and fish; see completion.h. Names of commands and options have letters,
 * digits and '-' only; texts are quoted. No state; the main thread.
 */
#include "client/tool/completion.h"

#include <stdio.h>
#include <string.h>

/* The commands of a table that completions are written from. */
struct table {
	const struct command *const *commands;
	size_t n;
};

/* Return the short form of a long option, or 0. */
static int short_of(const struct command *command, const struct option *option)
{
	/* An option without a letter has a value that is no character. */
	bool letter = option->val > 0 && option->val < 128 && option->val != ':';

	return letter && strchr(command->letters, option->val) ? option->val : 0;
}

/* True if a letter is the short form of a long option. */
static bool has_long(const struct command *command, char letter)
{
	for (const struct option *option = command->options; option->name; option++)
		if (option->val == letter)
			return true;
	return false;
}

/* Print the options that have a value, or all of them, with a separator after each. */
static void print_options(const struct command *command, bool values, const char *separator)
{
	for (const struct option *option = command->options; option->name; option++)
		if (!values || option->has_arg)
			printf("--%s%s", option->name, separator);
	for (const char *at = command->letters; *at; at++)
		if (*at != ':' && (!values || at[1] == ':'))
			printf("-%c%s", *at, separator);
}

/* Print a text in single quotes, as each of the three shells reads it. */
static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	putchar('\'');
}

static void print_names(const struct table *table)
{
	for (size_t i = 0; i < table->n; i++)
		printf("%s ", table->commands[i]->name);
}

static void write_bash(const struct table *table)
{
	puts("# bash completion of usrbio, written by: usrbio completion bash\n"
	     "_usrbio() {\n"
	     "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	     "\tlocal options= values= words=");
	fputs("\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W '",
	      stdout);
	print_names(table);
	puts("help --help --version' -- \"$word\")\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in");
	for (size_t i = 0; i < table->n; i++) {
		const struct command *command = table->commands[i];

		printf("\t%s) options='", command->name);
		print_options(command, false, " ");
		fputs("' values=' ", stdout);
		print_options(command, true, " ");
		printf("' words='%s' ;;\n", command->words ? command->words : "");
	}
	puts("\tesac\n"
	     "\tif [ \"$before\" = = ] || [[ $values == *\" $before \"* ]]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	     "\telif [[ $word == -* ]]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
	     "\telif [ -n \"$words\" ]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
	     "\telse\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	     "\tfi\n"
	     "}\n"
	     "complete -o filenames -F _usrbio usrbio");
}

static void write_zsh_command(const struct command *command)
{
	printf("\t%s) _arguments", command->name);
	for (const struct option *option = command->options; option->name; option++)
		printf(" '--%s%s'", option->name, option->has_arg ? "=:value:_files" : "");
	for (const char *at = command->letters; *at; at++)
		if (*at != ':')
			printf(" '-%c%s'", *at, at[1] == ':' ? ":value:_files" : "");
	if (command->words)
		printf(" '*:word:(%s)' ;;\n", command->words);
	else
		puts(" '*:path:_files' ;;");
}

static void write_zsh(const struct table *table)
{
	puts("#compdef usrbio\n# zsh completion of usrbio, written by: usrbio completion zsh\n"
	     "_usrbio() {\n\tlocal -a commands=(");
	for (size_t i = 0; i < table->n; i++) {
		printf("\t\t%s:", table->commands[i]->name);
		print_quoted(table->commands[i]->summary);
		putchar('\n');
	}
	puts("\t)\n"
	     "\tif (( CURRENT == 2 )); then\n"
	     "\t\t_describe command commands\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\tshift words\n"
	     "\t(( CURRENT-- ))\n"
	     "\tcase $words[1] in");
	for (size_t i = 0; i < table->n; i++)
		write_zsh_command(table->commands[i]);
	puts("\tesac\n}\ncompdef _usrbio usrbio");
}

static void write_fish_command(const struct command *command)
{
	printf("complete -c usrbio -n __fish_use_subcommand -f -a %s -d ", command->name);
	print_quoted(command->summary);
	putchar('\n');
	for (const struct option *option = command->options; option->name; option++) {
		int letter = short_of(command, option);

		printf("complete -c usrbio -n '__fish_seen_subcommand_from %s' -l %s",
		       command->name, option->name);
		if (letter)
			printf(" -s %c", letter);
		puts(option->has_arg ? " -r" : "");
	}
	for (const char *at = command->letters; *at; at++)
		if (*at != ':' && !has_long(command, *at))
			printf("complete -c usrbio -n '__fish_seen_subcommand_from %s' -s %c%s\n",
			       command->name, *at, at[1] == ':' ? " -r" : "");
	if (command->words)
		printf("complete -c usrbio -n '__fish_seen_subcommand_from %s' -f -a '%s'\n",
		       command->name, command->words);
}

static void write_fish(const struct table *table)
{
	puts("# fish completion of usrbio, written by: usrbio completion fish");
	for (size_t i = 0; i < table->n; i++)
		write_fish_command(table->commands[i]);
}

bool completion_write(const char *shell, const struct command *const *commands, size_t n)
{
	const struct table table = {commands, n};

	if (!strcmp(shell, "bash"))
		write_bash(&table);
	else if (!strcmp(shell, "zsh"))
		write_zsh(&table);
	else if (!strcmp(shell, "fish"))
		write_fish(&table);
	else
		return false;
	return true;
}
