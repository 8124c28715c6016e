/*
 * hf3fs_usrbio.h for the files of the library that define its functions. They are exported from the
 * library, which hides all others. The header itself does not say so, because it has the same
 * tokens as 3FS's header.
 */
#ifndef USRBIO_CLIENT_BASE_HF3FS_EXPORTS_H
#define USRBIO_CLIENT_BASE_HF3FS_EXPORTS_H

#pragma GCC visibility push(default)
#include "client/hf3fs_usrbio.h"
#pragma GCC visibility pop

#endif
