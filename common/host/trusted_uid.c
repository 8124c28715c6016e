/* The users that are trusted. This code has no state and owns nothing. Any thread may call it. */
#include <sys/auxv.h>
#include <unistd.h>

#include "common/host/trusted.h"

bool trusted_uid(uid_t uid)
{
	if (!uid)
		return true;
	if (uid != geteuid())
		return false;
	/*
	 * The program may have more rights than its user: capabilities, or the rights of a group.
	 */
	return !getauxval(AT_SECURE) || getuid() != geteuid();
}
