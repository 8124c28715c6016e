/*
 * The parser of /proc/self/mountinfo. A line has: id, parent, major:minor, root, mount point,
 * options, optional fields, "-", type, source, options of the file system. The kernel escapes
 * blanks in texts of users. This code has no state and owns nothing. Any thread may call it.
 */
#include "common/host/fuse_owner.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* Read the number after user_id= in a list of options. */
static int user_of(char *options, uid_t *uid)
{
	char *option;

	while ((option = strsep(&options, ","))) {
		unsigned long number;
		char *end;

		if (strncmp(option, "user_id=", 8))
			continue;
		errno = 0;
		number = strtoul(option + 8, &end, 10);
		if (option[8] < '0' || option[8] > '9' || *end || errno || number > (uid_t)-1)
			return -ENOENT;
		*uid = (uid_t)number;
		return 0;
	}
	return -ENOENT;
}

/* Find the owner in the part of a line after the "-": type, source, options. */
static int owner_of(char *rest, uid_t *uid)
{
	char *type = strsep(&rest, " ");

	if (!strcmp(type, "virtiofs")) {
		*uid = 0;
		return 0;
	}
	strsep(&rest, " ");
	return rest ? user_of(rest, uid) : -ENOENT;
}

static bool is_of_device(const char *line, dev_t dev)
{
	unsigned major, minor;

	return sscanf(line, "%*u %*u %u:%u ", &major, &minor) == 2 && makedev(major, minor) == dev;
}

int fuse_owner(const char *mountinfo, dev_t dev, uid_t *uid)
{
	FILE *file = fopen(mountinfo, "re");
	char *line = NULL, *dash;
	int found = -ENOENT;
	size_t room = 0;

	if (!file)
		return -errno;
	while (found && getline(&line, &room, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		dash = is_of_device(line, dev) ? strstr(line, " - ") : NULL;
		if (dash)
			found = owner_of(dash + 3, uid);
	}
	free(line);
	fclose(file);
	return found;
}
