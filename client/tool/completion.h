/* Writes completions for shells from the table of commands. No state; the main thread. */
#ifndef USRBIO_TOOL_COMPLETION_H
#define USRBIO_TOOL_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>

#include "client/tool/base/tool.h"

#define COMPLETION_SHELLS "bash zsh fish"

/* Write the script for a shell to standard output. False: there is none for this shell. */
bool completion_write(const char *shell, const struct command *const *commands, size_t n);

#endif
