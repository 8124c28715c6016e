/*
 * The meaning of a mount point: a URL, or a directory for which the mount table or its own
 * 3fs-virt/usrbio.conf has a URL. These functions only look it up; they do not connect. No state;
 * any thread. A struct mountspec belongs to its caller.
 */
#ifndef USRBIO_CLIENT_SPEC_MOUNTSPEC_H
#define USRBIO_CLIENT_SPEC_MOUNTSPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/auth/secret.h"
#include "proto/limits.h"

/* Sizes in bytes with the final zero; that of a mount point is the field in struct hf3fs_iov. */
#define MOUNT_POINT_MAX 256
#define SPEC_HOSTS_MAX	8 /* hosts */
#define SPEC_HOST_MAX	256
#define SPEC_WRONG_MAX	400

/* Bits of mountspec.given: options that the URL has. */
enum { SPEC_TIMEOUT = 1, SPEC_NCONNECT = 2 };

struct spec_host {
	char name[SPEC_HOST_MAX];
	uint16_t port;
};

struct mountspec {
	char mount_point[MOUNT_POINT_MAX]; /* normalised: no trailing or doubled slashes */
	char dir[4096];	 /* canonical path of the mounted directory; "": the mount is a URL */
	char scheme[16]; /* "tcp", "tls", "rdma", "loop", or "usrbio": RDMA or else TCP */
	char serve[MOUNT_POINT_MAX]; /* of loop:///DIR: DIR, normalised, which a server in this
					process serves; "": another scheme */
	bool read_only;		     /* option ro, which only loop:///DIR has */
	struct spec_host hosts[SPEC_HOSTS_MAX];
	unsigned nr_hosts;
	char export[EXPORT_NAME_MAX + 1];
	unsigned timeout_ms; /* option timeout=SECONDS: the time limit of an I/O or call;
				0: none; default 60 s */
	bool tls;	     /* scheme tls, or option tls=required: no connection without TLS */
	char key[SECRET_ID_MAX + 1]; /* option key=NAME: the name of the key file; "": none, see
					credentials.h */
	unsigned nconnect; /* option nconnect=N: connections, 1 to SESSION_CONNS_MAX; default 1 */
	unsigned given;	   /* SPEC_TIMEOUT, SPEC_NCONNECT: the URL has the option */
	char wrong[SPEC_WRONG_MAX]; /* the error in the URL as text; "": none */
};

/*
 * Look a mount point up. 0; -EINVAL: NULL, too long, a malformed URL, or an unknown or malformed
 * option; -ENOENT: it is no mount, or the directory of loop:///DIR does not exist. The log says
 * what is wrong with a URL.
 */
int mountspec_find(const char *mount_point, struct mountspec *spec);

/*
 * Find the deepest mount that contains a path of the file system. The canonical form of the path is
 * written to `canonical`, PATH_MAX bytes of the caller; *rest points to its part below the mount,
 * "" for the mount itself. 0; -ENOENT: the path does not exist or is on no mount; -EINVAL: the path
 * is NULL, or the URL of its mount is malformed.
 */
int mountspec_of_path(const char *path, struct mountspec *spec, char *canonical, const char **rest);

/* The same for a path that is canonical already; it need not exist. */
int mountspec_of_canonical(const char *canonical, struct mountspec *spec, const char **rest);

/*
 * The same for a URL with a path behind the export and its options, such as
 * tcp://host/export?timeout=5/a/b; *rest points into url. -ENOENT: no URL of a known scheme. In
 * loop:///DIR the directory ends at the '?'. A URL without one is all directory here; path.h finds
 * the directory in such a URL.
 */
int mountspec_of_url(const char *url, struct mountspec *spec, const char **rest);

/*
 * Write what is wrong with a URL, which may have an unknown scheme, to `text` of `room` bytes.
 * False: the URL is right, or the text is no URL.
 */
bool mountspec_wrong(const char *url, char *text, size_t room);

/*
 * True if both have the same servers, export and options, even if they are spelled differently. An
 * option that is given with its default value counts as a difference, so that a program can get a
 * second mount of an export.
 */
bool mountspec_same(const struct mountspec *spec, const struct mountspec *other);

/* True if this is its normalised mount point. Of loop:///DIR, a '?' at the end is ignored. */
bool mountspec_is(const struct mountspec *spec, const char *mount_point);

#endif
