/*
 * All numbers on which both sides agree: versions, limits, and constants on the wire. They are
 * defined only here; proto/PROTOCOL.md refers to this file.
 */
#ifndef USRBIO_PROTO_LIMITS_H
#define USRBIO_PROTO_LIMITS_H

#define PROTO_PORT    7040 /* for URLs without a port; IANA has not assigned this number */
#define PROTO_VERSION 3u

/* A frame is a type byte and a protobuf message; larger frames are not decoded. */
#define FRAME_MAX	  16384
#define BATCH_MAX	  256	      /* entries of a SubmitBatch: 40 bytes each */
#define COMPLETIONS_MAX	  512	      /* entries of a CompletionBatch: 16 bytes each */
#define ABORT_MAX	  128	      /* tags of I/Os in an Abort, and tags of calls */
#define ARENA_SIZE	  (64 * 1024) /* the memory for decoding one frame */
#define EXPORT_NAME_MAX	  255
#define PROTO_PATH_MAX	  4095 /* without the final zero, like PATH_MAX */
#define PROTO_NAME_MAX	  255  /* one component of a path, like NAME_MAX */
#define PERSISTENT_MAX	  192  /* Linux file handles: 128 bytes and headers */
#define TEXT_MAX	  512
#define XATTR_VALUE_MAX	  8192 /* of an extended attribute, and of a list of their names */
#define RANGES_MAX	  1000 /* ranges of one CALL_PUNCH */
#define SESSION_ID_SIZE	  16
#define SESSION_KEY_SIZE  32
#define KEY_ID_MAX	  64
#define KEY_TAG_SIZE	  4
#define NONCE_SIZE	  32
#define SHARE_SIZE	  32		 /* X25519 */
#define MAC_SIZE	  32		 /* HMAC-SHA-256 */
#define MAC_FIELD	  (2 + MAC_SIZE) /* the last bytes of a frame with a mac */
#define INFLIGHT_MAX	  16384 /* per connection; also the number of tags of a connection */
#define REGIONS_MAX	  4096	/* per connection */
#define FILES_MAX	  65536 /* per session */
#define SESSION_CONNS_MAX 64	/* also the number of channels */
#define CALL_SLOTS	  64	/* per channel; a call's tag is slot | sequence * CALL_SLOTS */
#define LISTING_MAX \
	(1u << 24)	      /* entries of a directory, or rows of counters, that a client takes */
#define LISTING_EMPTY_MAX 16  /* Replies without entries, one after the other, in a listing */
#define COUNTS_MAX	  256 /* counters in a row of CALL_COUNTERS */
#define ANCESTORS_MAX	  256 /* directories that one CALL_ANCESTORS names */
#define STATS_MAX	  128 /* paths of one CALL_STATS; its Reply has 80 bytes for each */
#define IO_LEN_MAX	  (1ull << 40) /* one I/O; its iov limits it further */

#define FEATURE_IMM	 (1ull << 0) /* a read of its full length completes by an immediate */
#define FEATURE_COUNTERS (1ull << 1) /* the server answers CALL_COUNTERS */

enum {
	EXPORT_READ_ONLY = 1,
	EXPORT_SYNC = 2, /* what has been acknowledged survives the loss of power */
};
enum { ACCESS_READ = 1, ACCESS_WRITE = 2 };
enum io_op { IO_READ = 1, IO_WRITE = 2 };
enum { IO_NO_HOLES = 1 }; /* a read of a hole fails with -ENODATA */
enum priority { PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW, NR_PRIORITIES };

enum call_op {
	/*
	 * The comment of each call names the fields of its Call and, behind "->", those of its
	 * Reply. The argument `path` is relative to `at`, and `path2` to `at2`.
	 */
	CALL_OPEN = 1,	/* path, flags (OPEN_*), mode -> file, persistent, attributes */
	CALL_CLOSE,	/* file */
	CALL_STAT,	/* file, or path when file is 0; flags CALL_(NO)FOLLOW -> attributes */
	CALL_FSYNC,	/* file; flags CALL_DATA_ONLY -> verifier */
	CALL_TRUNCATE,	/* file, or path when file is 0; len */
	CALL_UNLINK,	/* path */
	CALL_RMDIR,	/* path */
	CALL_MKDIR,	/* path, mode */
	CALL_RENAME,	/* path, path2; flags CALL_NOREPLACE or CALL_EXCHANGE */
	CALL_LINK,	/* path or file, path2 */
	CALL_READDIR,	/* file or path, off: `next` of the last answer, 0 first -> names, types,
			   next */
	CALL_PUNCH,	/* file, range */
	CALL_COUNTERS,	/* off: `next` of the last answer, 0 first -> names, types, counts, next */
	CALL_REOPEN,	/* path, persistent, flags (OPEN_REOPEN_FLAGS) -> as OPEN */
	CALL_SEEK,	/* file, off, flags CALL_DATA or CALL_HOLE -> next */
	CALL_SETATTR,	/* file, or path when file is 0; flags (SET_*), mode, uid, gid, atime,
			   mtime */
	CALL_ANCESTORS, /* file -> ids */
	CALL_SYMLINK,	/* path, target */
	CALL_READLINK,	/* path -> target */
	CALL_STATFS,	/* file, or path when file is 0 -> fs */
	CALL_FALLOCATE, /* file, flags (ALLOCATE_*), off, len */
	/* Of a file, or of a path when file is 0, with flags CALL_(NO)FOLLOW: */
	CALL_GETXATTR,	  /* name -> value */
	CALL_SETXATTR,	  /* name, value; flags also CALL_CREATE, CALL_REPLACE */
	CALL_LISTXATTR,	  /* -> value: the names, each ended by a zero byte */
	CALL_REMOVEXATTR, /* name */
	CALL_STATS,	  /* names (paths); flags CALL_NOFOLLOW -> attrs */
	NR_CALLS,
};
enum {
	CALL_NOFOLLOW = 1,
	CALL_DATA_ONLY = 2,
	CALL_NOREPLACE = 4,
	CALL_FOLLOW = 8, /* if the name below `at` is a symbolic link, follow it */
	CALL_DATA = 16,
	CALL_HOLE = 32,
	CALL_EXCHANGE = 64,
	CALL_CREATE = 128,  /* it must not exist */
	CALL_REPLACE = 256, /* it must exist */
};

/* The attributes that CALL_SETATTR sets, and how it treats a path. */
enum {
	SET_MODE = 1,
	SET_UID = 2,
	SET_GID = 4,
	SET_ATIME = 8,
	SET_MTIME = 16,
	SET_ATIME_NOW = 32, /* the time of the server; not together with SET_ATIME */
	SET_MTIME_NOW = 64,
	SET_NOFOLLOW = 128, /* a symbolic link at the end of the path is not followed */
	SET_ATTRS_ALL = 127,
	SET_FLAGS_ALL = 255,
};

/* The numbers of a file system that CALL_STATFS returns, in this order. Later versions append. */
enum fs_number {
	FS_BLOCK_SIZE, /* bytes of the blocks that the next three numbers count */
	FS_BLOCKS,
	FS_BLOCKS_FREE,
	FS_BLOCKS_AVAILABLE, /* of these, to users without privileges */
	FS_FILES,	     /* 0, with the next one: there is no fixed number */
	FS_FILES_FREE,
	FS_IO_SIZE,  /* bytes of an I/O that suits the file system */
	FS_NAME_MAX, /* bytes of a name */
	FS_ID,
	FS_FLAGS, /* FS_FLAG_* */
	NR_FS_NUMBERS,
};
#define FS_NUMBERS_MAX 64 /* in one Reply */
/* These have the numbers of ST_RDONLY and ST_SYNCHRONOUS of statvfs(3). */
enum {
	FS_FLAG_READ_ONLY = 1, /* this client cannot change anything */
	FS_FLAG_SYNC = 16,     /* the export has EXPORT_SYNC */
};

/* Flags of CALL_FALLOCATE, with the numbers of fallocate(2). None: allocate, and extend the file.
 */
enum {
	ALLOCATE_KEEP_SIZE = 1,
	ALLOCATE_PUNCH_HOLE = 2, /* only with ALLOCATE_KEEP_SIZE */
	ALLOCATE_ZERO_RANGE = 16,
};

/* Flags of CALL_OPEN; the low two bits are the access mode. */
enum {
	OPEN_READ = 1,
	OPEN_WRITE = 2,
	OPEN_CREATE = 4,
	OPEN_EXCLUSIVE = 8,
	OPEN_TRUNCATE = 16,
	OPEN_DIRECTORY = 32, /* fail if it is not a directory */
	OPEN_DIRECT = 64,    /* a hint: bypass the server's page cache */
	OPEN_NOFOLLOW = 128,
	OPEN_FOLLOW = 256, /* a name below `at` may be a symbolic link */
	OPEN_FLAGS_ALL = 511,
	OPEN_REOPEN_FLAGS = OPEN_READ | OPEN_WRITE | OPEN_DIRECT,
};

/* The object that a row of CALL_COUNTERS belongs to. */
enum {
	COUNTED_WORKER = 1,
	COUNTED_CONNECTION = 2,
	COUNTED_LIMITS = 3,
	COUNTED_EXPORT = 4,
	COUNTED_ID = 5,
};

/*
 * The counters of a row, in this order. Later versions append. A worker's row includes those of its
 * connections.
 */
enum count {
	COUNT_READS, /* I/Os that ended, with success or an error */
	COUNT_READ_BYTES,
	COUNT_WRITES,
	COUNT_WRITTEN_BYTES,
	COUNT_ERRORS,	   /* refused I/Os, and those that ended with an error */
	COUNT_BATCHES,	   /* SubmitBatches */
	COUNT_ENTRIES,	   /* I/Os in SubmitBatches */
	COUNT_COMPLETIONS, /* CompletionBatches */
	COUNT_RESULTS,	   /* results in CompletionBatches */
	COUNT_IMMEDIATES,  /* results that were sent as an immediate */
	COUNT_CALLS,
	COUNT_MESSAGES_IN,
	COUNT_MESSAGES_OUT,
	COUNT_POSTS,	    /* one-sided READs and WRITEs */
	COUNT_STAGED_BYTES, /* bytes that these moved through a staging buffer */
	COUNT_DIRECT_BYTES, /* bytes that these moved without a staging buffer */
	/* The work of a worker for all its connections; 0 in a connection's row. */
	COUNT_DOORBELLS, /* system calls or doorbells that gave work to the wire */
	COUNT_SIGNALLED, /* work requests that asked for a completion (RDMA) */
	COUNT_POLLS,	 /* polls of the wire */
	COUNT_TURNS,
	COUNT_SLEEPS,
	COUNT_CONNECTIONS, /* connections accepted so far */
	NR_COUNTS,
};

/*
 * A row of COUNTED_EXPORT has these numbers at the time of asking: calls that run, and that wait
 * for a thread of the export; files and sessions that are being closed, or wait for it; and the
 * most threads for each. Later versions append.
 */
enum export_count {
	EXPORT_CALLS_BUSY,
	EXPORT_CALLS_WAITING,
	EXPORT_CLOSES_BUSY,
	EXPORT_CLOSES_WAITING,
	EXPORT_CALL_THREADS,
	NR_EXPORT_COUNTS,
};

/*
 * A row of COUNTED_ID has what the id of a key has now, or a client's address without a keyring:
 * connections, sessions and open files, each with the limit of the key, or 0; the bytes of its I/Os
 * under way; and how often it was refused one more, or lost one to another id. Then the bytes and
 * the I/Os that its key allows in a second, or 0, and how often an I/O had to wait for these. Then
 * the bytes of memory that the server keeps for it. Later versions append.
 */
enum id_count {
	ID_CONNECTIONS,
	ID_CONNECTIONS_MAX,
	ID_SESSIONS,
	ID_SESSIONS_MAX,
	ID_FILES,
	ID_FILES_MAX,
	ID_INFLIGHT_BYTES,
	ID_REFUSED,
	ID_EVICTED,
	ID_BYTES_PER_S_MAX,
	ID_IOS_PER_S_MAX,
	ID_THROTTLED,
	ID_MEMORY_BYTES,
	NR_ID_COUNTS,
};

/*
 * A row of COUNTED_LIMITS has two numbers for each of these: the amount in use, and its maximum, or
 * 0 if there is no maximum. Later versions append.
 */
enum limit {
	/* In the server's row. */
	LIMIT_MEMORY, /* bytes */
	LIMIT_CONNECTIONS,
	LIMIT_SESSIONS,
	/* In a worker's row. */
	LIMIT_HANDSHAKES, /* connections without a Welcome */
	/* In the rows of workers and of connections. */
	LIMIT_STAGING, /* bytes of data in staging buffers */
	LIMIT_PIPES,   /* pipes, for data that is not copied */
	/* In a connection's row. */
	LIMIT_INFLIGHT, /* I/Os under way */
	LIMIT_CALLS,	/* unanswered calls */
	LIMIT_REGIONS,
	LIMIT_FILES, /* open files of the connection's session */
	NR_LIMITS,
};

#endif
