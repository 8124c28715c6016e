/*
 * Which directories are mounts: the mount table (files named by USRBIO_MOUNTS, separated by ':',
 * then /etc/usrbio/mounts) and DIRECTORY/3fs-virt/usrbio.conf. Read anew at each look-up, as far as
 * common/host/trusted.h believes them; what is ignored is said in the log. loop: counts in files of
 * the effective user only.
 */
#ifndef USRBIO_CLIENT_SPEC_MOUNTTABLE_H
#define USRBIO_CLIENT_SPEC_MOUNTTABLE_H

#include <limits.h>

#define MOUNT_TABLE "/etc/usrbio/mounts"
#define MOUNT_VIRT  "3fs-virt"
#define MOUNT_FILE  "usrbio.conf"
#define MOUNT_CONF  MOUNT_VIRT "/" MOUNT_FILE

struct mounted {
	char dir[PATH_MAX];  /* canonical */
	char name[PATH_MAX]; /* as the table spells it, without trailing or doubled slashes */
	char url[PATH_MAX];  /* not looked at */
	char source[PATH_MAX + 32]; /* the file that said so */
};

/*
 * The deepest mount at or above a canonical path, by whole components; the table goes before a
 * conf file, the earlier line before the later. 0, -ENOENT.
 */
int mounttable_find(const char *canonical, struct mounted *found);

#endif
