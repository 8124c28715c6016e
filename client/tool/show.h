/* How attributes look on a terminal. */
#ifndef USRBIO_TOOL_SHOW_H
#define USRBIO_TOOL_SHOW_H

#include <stdint.h>

/* "-rw-r--r--" and a final zero. */
void show_mode(uint32_t mode, char text[11]);
/* Local time, "2026-11-22 13:40:01". */
void show_time(int64_t ns, char text[32]);

#endif
