/*
 * The names of calls: constants. The switch has no default, so that the compiler refuses an
 * enum call_op with a call that has no name here.
 */
#include "proto/call_op.h"

#include "proto/limits.h"

const char *call_op_name(uint32_t op)
{
	switch ((enum call_op)op) {
	case CALL_OPEN:
		return "open";
	case CALL_CLOSE:
		return "close";
	case CALL_STAT:
		return "stat";
	case CALL_FSYNC:
		return "fsync";
	case CALL_TRUNCATE:
		return "truncate";
	case CALL_UNLINK:
		return "unlink";
	case CALL_RMDIR:
		return "rmdir";
	case CALL_MKDIR:
		return "mkdir";
	case CALL_RENAME:
		return "rename";
	case CALL_LINK:
		return "link";
	case CALL_READDIR:
		return "readdir";
	case CALL_PUNCH:
		return "punch";
	case CALL_COUNTERS:
		return "counters";
	case CALL_REOPEN:
		return "reopen";
	case CALL_SEEK:
		return "seek";
	case CALL_SETATTR:
		return "setattr";
	case CALL_ANCESTORS:
		return "ancestors";
	case CALL_SYMLINK:
		return "symlink";
	case CALL_READLINK:
		return "readlink";
	case CALL_STATFS:
		return "statfs";
	case CALL_FALLOCATE:
		return "fallocate";
	case CALL_GETXATTR:
		return "getxattr";
	case CALL_SETXATTR:
		return "setxattr";
	case CALL_LISTXATTR:
		return "listxattr";
	case CALL_REMOVEXATTR:
		return "removexattr";
	case CALL_STATS:
		return "stats";
	case NR_CALLS:
		break;
	}
	return "?";
}
