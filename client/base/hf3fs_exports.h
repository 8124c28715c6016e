/*
 * hf3fs_usrbio.h for the files of the library that define its functions. It makes these functions
 * visible, because the library hides all others. The header itself cannot do that, because it must
 * have the same tokens as 3FS's header.
 */
#ifndef USRBIO_CLIENT_BASE_HF3FS_EXPORTS_H
#define USRBIO_CLIENT_BASE_HF3FS_EXPORTS_H

#pragma GCC visibility push(default)
#include "client/hf3fs_usrbio.h"
#pragma GCC visibility pop

#endif
