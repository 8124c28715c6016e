/* What a program shows: on a terminal, and what it complains of. Test's main thread. */
#ifndef USRBIO_TESTS_E2E_TERMINAL_H
#define USRBIO_TESTS_E2E_TERMINAL_H

#include <stddef.h>

/* Run to the end on a terminal of its own; all it shows there into out (cut to size). Its status.
 */
int terminal_run(const char *const argv[], char *out, size_t size);
/* Run to the end; standard error into out, standard output to nowhere. Its status. */
int complaints_of(const char *const argv[], char *out, size_t size);

#define on_terminal(out, size, ...) \
	terminal_run((const char *const[]){__VA_ARGS__, NULL}, out, size)
#define complaints(out, size, ...) \
	complaints_of((const char *const[]){__VA_ARGS__, NULL}, out, size)

#endif
