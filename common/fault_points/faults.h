/*
 * Fault points: places in the code where something that can fail is made to. In builds with
 * -DUSRBIO_FAULTS=ON the environment says which and when:
 *
 *   USRBIO_FAULTS="tcp.read.cut=1/5000,store.write.eio=1/1000,alloc.fail=#123"
 *
 * NAME=WHEN, separated by commas; WHEN as in common/fault_points/fault_trigger.h, drawn with
 * USRBIO_FAULTS_SEED or a seed of its own, which the log tells at the first use; and each point
 * that fails tells which it was. "any" is every point but the allocations', counted as one
 * sequence. What cannot be understood is told in the log, and nothing fails. In other builds no
 * point leaves a trace.
 */
#ifndef USRBIO_COMMON_FAULT_POINTS_FAULTS_H
#define USRBIO_COMMON_FAULT_POINTS_FAULTS_H

#include <errno.h>
#include <stdbool.h>

/* The points, and their names. */
#define FAULTS(X)                                    \
	X(TCP_CONNECT_FAIL, "tcp.connect.fail")      \
	X(TCP_ACCEPT_FAIL, "tcp.accept.fail")        \
	X(TCP_READ_CUT, "tcp.read.cut")              \
	X(TCP_READ_SHORT, "tcp.read.short")          \
	X(TCP_WRITE_CUT, "tcp.write.cut")            \
	X(TCP_WRITE_SHORT, "tcp.write.short")        \
	X(VERBS_CONNECT_FAIL, "verbs.connect.fail")  \
	X(VERBS_POST_FAIL, "verbs.post.fail")        \
	X(VERBS_CUT, "verbs.cut")                    \
	X(VERBS_REG_FAIL, "verbs.reg.fail")          \
	X(LOOP_CUT, "loop.cut")                      \
	X(STORE_READ_EIO, "store.read.eio")          \
	X(STORE_READ_SHORT, "store.read.short")      \
	X(STORE_WRITE_EIO, "store.write.eio")        \
	X(STORE_WRITE_ENOSPC, "store.write.enospc")  \
	X(STORE_WRITE_SHORT, "store.write.short")    \
	X(STORE_SYNC_EIO, "store.sync.eio")          \
	X(STORE_OPEN_EMFILE, "store.open.emfile")    \
	X(STAGING_FAIL, "staging.fail")              \
	X(THREAD_FAIL, "thread.fail")                \
	X(ARENA_FAIL, "arena.fail") /* protobuf's */ \
	X(ALLOC_FAIL, "alloc.fail") /* all others of ours */

#ifdef USRBIO_FAULTS

#define FAULTS_ID(id, name) FAULTS_##id,
enum faults_point { FAULTS(FAULTS_ID) FAULTS_NR };
#undef FAULTS_ID

/* Does anything fail at all in this process? */
bool faults_on(void);
/* One more chance of this point, reached at `where`. */
bool faults_hit(enum faults_point point, const char *where);

#define FAULTS_TEXT_(x) #x
#define FAULTS_TEXT(x)	FAULTS_TEXT_(x)
/* Is this point to fail now? Counted only if `real`, which is asked in earnest only. */
#define fault_if(real, point) \
	(faults_on() && (real) && faults_hit(FAULTS_##point, __FILE__ ":" FAULTS_TEXT(__LINE__)))

#else
#define fault_if(real, point) (false && (real))
#endif

#define fault_at(point) fault_if(true, point)
/* The same for what says why in errno. */
#define fault_errno(point, err) (fault_at(point) && ((errno = (err)), true))

#endif
