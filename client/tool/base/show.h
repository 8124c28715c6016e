/* Prints names and attributes. Only the main thread calls these functions. */
#ifndef USRBIO_TOOL_SHOW_H
#define USRBIO_TOOL_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include <usrbio.h>

/* True if the locale says that the terminal shows UTF-8. */
bool show_utf8(void);
/*
 * Print a name, or another foreign text, on standard output: quoted as by ls(1) if that is a
 * terminal, else unchanged.
 */
void show_name(const char *name);
/* Print "key": "text"; if text is not UTF-8, "key_hex" with its bytes in hexadecimal follows. */
void show_json(const char *key, const char *text);

/*
 * Print all attributes as further members of a JSON object: ', "type": "file", "mode": "0644",
 * ...'.
 */
void show_json_attributes(const struct usrbio_stat *st);

/* Return "file", "directory", "symlink", ...; "unknown" if mode has no bits of a type. */
const char *show_type(uint32_t mode);
/* Format a size: "12 B", "1.5 KiB", "3.0 GiB", with powers of 1024. Returns text. */
const char *show_bytes(double bytes, char text[24]);
/* Format a mode: "-rw-r--r--" and a final zero. */
void show_mode(uint32_t mode, char text[11]);
/* Format nanoseconds since 1970 as local time: "2026-11-22 13:40:01". */
void show_time(int64_t ns, char text[32]);

#endif
