/* How names and attributes are printed. The main thread's. */
#ifndef USRBIO_TOOL_SHOW_H
#define USRBIO_TOOL_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include <usrbio.h>

/* Does the terminal show UTF-8, by the locale? */
bool show_utf8(void);
/*
 * A name, or another text that is not ours, on standard output: quoted as ls(1) does if that is a
 * terminal, else exactly as it is.
 */
void show_name(const char *name);
/* "key": "text"; and where text is not UTF-8, "key_hex" with its bytes in hexadecimal after it. */
void show_json(const char *key, const char *text);

/* ', "type": "file", "mode": "0644", ...': all attributes, as members of an object begun. */
void show_json_attributes(const struct usrbio_stat *st);

/* "file", "directory", "symlink", ...; "unknown" without the bits of a type. */
const char *show_type(uint32_t mode);
/* "12 B", "1.5 KiB", "3.0 GiB": powers of 1024. Returns text. */
const char *show_bytes(double bytes, char text[24]);
/* "-rw-r--r--" and a final zero. */
void show_mode(uint32_t mode, char text[11]);
/* Local time, "2026-11-22 13:40:01". */
void show_time(int64_t ns, char text[32]);

#endif
