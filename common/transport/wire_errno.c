/*
 * The table of error numbers on the wire. The numbers belong to the protocol and never change;
 * proto/PROTOCOL.md lists them. They equal those of Linux, the system of every server and client so
 * far. The table is constant, and any thread reads it.
 */
#include "common/transport/wire_errno.h"

#include <errno.h>
#include <stddef.h>

static const struct {
	int err;
	int32_t wire;
} table[] = {
	{EPERM, 1},	   {ENOENT, 2},		{EINTR, 4},	     {EIO, 5},
	{ENXIO, 6},	   {E2BIG, 7},		{EBADF, 9},	     {EAGAIN, 11},
	{ENOMEM, 12},	   {EACCES, 13},	{EFAULT, 14},	     {EBUSY, 16},
	{EEXIST, 17},	   {EXDEV, 18},		{ENODEV, 19},	     {ENOTDIR, 20},
	{EISDIR, 21},	   {EINVAL, 22},	{ENFILE, 23},	     {EMFILE, 24},
	{ENOTTY, 25},	   {ETXTBSY, 26},	{EFBIG, 27},	     {ENOSPC, 28},
	{ESPIPE, 29},	   {EROFS, 30},		{EMLINK, 31},	     {EPIPE, 32},
	{ERANGE, 34},	   {EDEADLK, 35},	{ENAMETOOLONG, 36},  {ENOLCK, 37},
	{ENOSYS, 38},	   {ENOTEMPTY, 39},	{ELOOP, 40},	     {ENODATA, 61},
	{ETIME, 62},	   {ENOLINK, 67},	{EPROTO, 71},	     {EBADMSG, 74},
	{EOVERFLOW, 75},   {EUSERS, 87},	{EMSGSIZE, 90},	     {EPROTONOSUPPORT, 93},
	{EOPNOTSUPP, 95},  {EADDRINUSE, 98},	{ENETUNREACH, 101},  {ECONNABORTED, 103},
	{ECONNRESET, 104}, {ENOBUFS, 105},	{ENOTCONN, 107},     {ESHUTDOWN, 108},
	{ETIMEDOUT, 110},  {ECONNREFUSED, 111}, {EHOSTDOWN, 112},    {EHOSTUNREACH, 113},
	{EALREADY, 114},   {EINPROGRESS, 115},	{ESTALE, 116},	     {EDQUOT, 122},
	{EREMOTEIO, 121},  {ECANCELED, 125},	{EKEYREJECTED, 129}, {EHWPOISON, 133},
};

int32_t wire_from_errno(int err)
{
	if (!err)
		return 0;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].err == -err)
			return -table[i].wire;
	return -5;
}

int wire_to_errno(int64_t status)
{
	if (!status)
		return 0;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (-(int64_t)table[i].wire == status)
			return -table[i].err;
	return -EIO;
}
