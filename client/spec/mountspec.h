/*
 * What a mount point string means: a URL, or a directory that the mount table or its own
 * 3fs-virt/usrbio.conf turns into one. Pure look-up: no connection, no state.
 */
#ifndef USRBIO_CLIENT_SPEC_MOUNTSPEC_H
#define USRBIO_CLIENT_SPEC_MOUNTSPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auth/secret.h"
#include "proto/limits.h"

#define MOUNT_POINT_MAX 256 /* with the final zero: the field in hf3fs_iov and hf3fs_ior */
#define SPEC_HOSTS_MAX	8
#define SPEC_HOST_MAX	256
#define SPEC_WRONG_MAX	400

enum { SPEC_TIMEOUT = 1, SPEC_NCONNECT = 2 };

struct spec_host {
	char name[SPEC_HOST_MAX];
	uint16_t port;
};

struct mountspec {
	char mount_point[MOUNT_POINT_MAX]; /* normalised: no trailing or doubled slashes */
	char dir[4096];	 /* the mounted directory, canonical; "" for a URL mount */
	char scheme[16]; /* "tcp", "rdma", "loop", or "usrbio": rdma if it can, else tcp */
	/* loop:///DIR, normalised DIR: what a server inside this process is to serve; "" else. */
	char serve[MOUNT_POINT_MAX];
	bool read_only; /* ro: only there */
	struct spec_host hosts[SPEC_HOSTS_MAX];
	unsigned nr_hosts;
	char export[EXPORT_NAME_MAX + 1];
	unsigned timeout_ms;	     /* timeout=SECONDS: how long an I/O or a call may take; 0: for
					ever; default 60 s */
	bool tls;		     /* tls=required, or the scheme says so: over nothing but TLS */
	char key[SECRET_ID_MAX + 1]; /* key=NAME: whose file has our key; "": see credentials.h */
	unsigned nconnect;	    /* nconnect=N: connections, 1 to SESSION_CONNS_MAX; default 1 */
	unsigned given;		    /* SPEC_TIMEOUT, SPEC_NCONNECT: said, not by default */
	char wrong[SPEC_WRONG_MAX]; /* what is wrong with the URL, where something is */
};

/*
 * Look a mount point up. 0; -EINVAL (NULL, too long, a malformed URL: said in the log), -ENOENT (no
 * mount of ours, or loop:///DIR where there is no such directory: said in the log). Options after
 * '?': an unknown or malformed one is -EINVAL.
 */
int mountspec_find(const char *mount_point, struct mountspec *spec);

/*
 * The mount that contains a path of the file system: canonicalised, deepest first, by whole
 * components. *rest is where the part below the mount begins in `canonical` (PATH_MAX bytes; the
 * caller's), "" for the mount itself. 0, -ENOENT (not ours, does not exist), -EINVAL.
 */
int mountspec_of_path(const char *path, struct mountspec *spec, char *canonical, const char **rest);

/* The same for a path that is canonical already, whether it exists or not. */
int mountspec_of_canonical(const char *canonical, struct mountspec *spec, const char **rest);

/*
 * The same for a URL with a path behind the export and its options
 * (tcp://host/export?timeout=5/a/b); *rest points into url. -ENOENT for what is no URL of ours. In
 * loop:///DIR all up to the '?' is the directory; path.h knows better where there is none.
 */
int mountspec_of_url(const char *url, struct mountspec *spec, const char **rest);

/*
 * What is wrong with a URL, also one of a scheme that is none of ours, into `text`. False: nothing,
 * or it is no URL.
 */
bool mountspec_wrong(const char *url, char *text, size_t room);

/*
 * Do both mean the same: server, export and options, however they are spelled? An option that says
 * what is the default is an option: so a program gets a second mount of an export.
 */
bool mountspec_same(const struct mountspec *spec, const struct mountspec *other);

/* Is this its (normalised) mount point? A '?' without options makes no difference. */
bool mountspec_is(const struct mountspec *spec, const char *mount_point);

#endif
