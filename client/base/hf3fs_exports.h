/*
 * hf3fs_usrbio.h for the files of the library that define its functions: they leave the library,
 * which hides everything else. The header itself has no word about that, because its tokens are
 * those of 3FS's header.
 */
#ifndef USRBIO_CLIENT_BASE_HF3FS_EXPORTS_H
#define USRBIO_CLIENT_BASE_HF3FS_EXPORTS_H

#pragma GCC visibility push(default)
#include "client/hf3fs_usrbio.h"
#pragma GCC visibility pop

#endif
