/*
 * The lines that the program writes to standard error, and its options, which may cause such lines.
 * A line is complete before it is written by one call; characters in it that could control a
 * terminal are escaped. The process owns the state. Any thread writes lines; only the main thread
 * sets the command and parses options.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <usrbio.h>

#include "client/tool/base/show.h"
#include "client/tool/base/tool.h"
#include "common/base/text.h"

static const struct command *current; /* set once, before other threads exist */

void speak_for(const struct command *command)
{
	current = command;
}

static atomic_bool drawn; /* the terminal shows the progress line, which is to be wiped first */

void speak_over_line(bool is_drawn)
{
	atomic_store(&drawn, is_drawn);
}

/* Write one line with the command's name in front. Without memory, nothing is written. */
static void say(const char *fmt, va_list args)
{
	char *text = NULL, *line = NULL;
	size_t size;
	FILE *to = open_memstream(&line, &size);

	if (to && vasprintf(&text, fmt, args) >= 0) {
		if (atomic_load(&drawn))
			fputs("\r\033[K", to);
		fprintf(to, current ? "usrbio %s: " : "usrbio: ", current ? current->name : "");
		text_escape(to, text, show_utf8());
		putc('\n', to);
	}
	fflush(stdout);
	if (to && !fclose(to))
		fwrite(line, 1, size, stderr);
	free(text);
	free(line);
}

int fail_text(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	return EXIT_FAILED;
}

/* True if the path has a component that servers reserve for administrators. */
static bool names_reserved(const char *path)
{
	static const char *const reserved[] = {"3fs-virt", ".usrbio"};

	for (; *path; path += strcspn(path, "/"), path += *path == '/') {
		size_t len = strcspn(path, "/");

		for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++) {
			if (len == strlen(reserved[i]) && !strncasecmp(path, reserved[i], len))
				return true;
		}
	}
	return false;
}

int fail(const char *subject, int err)
{
	char reason[512];

	if (err == -EPERM && names_reserved(subject))
		return fail_text("%s: not permitted; servers keep the names 3fs-virt and .usrbio "
				 "for their administrator, take another one",
				 subject);
	if (usrbio_reason(subject, err, reason, sizeof(reason)) > 0)
		return fail_text("%s: %s", subject, reason);
	return fail_text("%s: %s", subject, strerror(-err));
}

int usage(const char *fmt, ...)
{
	char *text;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) >= 0) {
		fail_text("%s; see 'usrbio %s%s--help'", text, current ? current->name : "",
			  current ? " " : "");
		free(text);
	}
	va_end(args);
	return EXIT_USAGE;
}

/* Report a wrong option; getopt would print the argument without escapes. Returns EXIT_USAGE. */
static int complain(int option, char *const *argv, const struct option *options)
{
	const char *word = argv[optind - 1];

	if (option == ':')
		return usage("%s needs a value", word);
	if (strncmp(word, "--", 2) || !word[2])
		return usage("there is no option -%c", optopt);
	for (; options->name; options++)
		if (optopt && optopt == options->val)
			return usage("%s: this option takes no value", word);
	return usage("there is no option %s", word);
}

int next_option(int argc, char **argv)
{
	char quiet[32];
	int option;

	snprintf(quiet, sizeof(quiet), ":%s", current->letters);
	optopt = 0;
	option = getopt_long(argc, argv, quiet, current->options, NULL);
	if (option == 'h') {
		printf("%s", current->help);
		exit(EXIT_FINE);
	}
	if (option == '?' || option == ':')
		exit(complain(option, argv, current->options));
	return option;
}
