/*
 * Finds which directories are mounts. It reads the mount tables, which are the files that
 * USRBIO_MOUNTS names, separated by ':', and then /etc/usrbio/mounts; and the file
 * DIRECTORY/3fs-virt/usrbio.conf. Each look-up reads them again. Files that common/host/trusted.h
 * does not trust are ignored, and the log says so. URLs with loop: are accepted only from files of
 * the effective user. No state; any thread.
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
	char name[PATH_MAX]; /* the directory as the table spells it, without extra slashes */
	char url[PATH_MAX];  /* as the file has it, not parsed yet */
	char source[PATH_MAX + 32]; /* the file, and the line of a table, for messages */
};

/*
 * Find the deepest mount at or above a canonical path. For the same directory, a table goes before
 * a conf file, and an earlier line before a later one. 0; -ENOENT: the path is on no mount.
 */
int mounttable_find(const char *canonical, struct mounted *found);

#endif
