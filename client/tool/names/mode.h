/* Parses modes as chmod(1) takes them: octal, or letters such as u+rw,go-w. No state; any thread.
 */
#ifndef USRBIO_TOOL_MODE_H
#define USRBIO_TOOL_MODE_H

#include <stdbool.h>
#include <sys/types.h>

/* False: the text is no mode. Letters may be r, w, x and X; set-id and sticky bits are refused. */
bool mode_check(const char *text);
/* Return the nine bits that `text`, which was checked, makes of those of an object. */
mode_t mode_apply(const char *text, mode_t mode, mode_t umask, bool directory);

#endif
