/*
 * Fault points: places in the code where an operation that can fail is made to fail. In builds with
 * -DUSRBIO_FAULTS=ON the environment says which of them fail, and when:
 *
 *   USRBIO_FAULTS="tcp.read.cut=1/5000,store.write.eio=1/1000,alloc.fail=#123"
 *
 * The text is a list of NAME=TRIGGER, separated by commas. common/fault_points/fault_trigger.h
 * describes triggers; they draw with USRBIO_FAULTS_SEED, or with a random seed that is logged at
 * the first use. Each point that fails is logged. The name "any" stands for all points except those
 * of allocations, counted as one sequence. A text that cannot be understood is logged, and nothing
 * fails. In other builds the points generate no code.
 */
#ifndef USRBIO_COMMON_FAULT_POINTS_FAULTS_H
#define USRBIO_COMMON_FAULT_POINTS_FAULTS_H

#include <errno.h>
#include <stdbool.h>

/* The points, and their names. */
#define FAULTS(X)                                     \
	X(TCP_CONNECT_FAIL, "tcp.connect.fail")       \
	X(TCP_ACCEPT_FAIL, "tcp.accept.fail")         \
	X(TCP_READ_CUT, "tcp.read.cut")               \
	X(TCP_READ_SHORT, "tcp.read.short")           \
	X(TCP_WRITE_CUT, "tcp.write.cut")             \
	X(TCP_WRITE_SHORT, "tcp.write.short")         \
	X(VERBS_CONNECT_FAIL, "verbs.connect.fail")   \
	X(VERBS_POST_FAIL, "verbs.post.fail")         \
	X(VERBS_CUT, "verbs.cut")                     \
	X(VERBS_REG_FAIL, "verbs.reg.fail")           \
	X(LOOP_CUT, "loop.cut")                       \
	X(STORE_READ_EIO, "store.read.eio")           \
	X(STORE_READ_SHORT, "store.read.short")       \
	X(STORE_WRITE_EIO, "store.write.eio")         \
	X(STORE_WRITE_ENOSPC, "store.write.enospc")   \
	X(STORE_WRITE_SHORT, "store.write.short")     \
	X(STORE_SYNC_EIO, "store.sync.eio")           \
	X(STORE_RING_CANCEL, "store.ring.cancel")     \
	X(STORE_OPEN_EMFILE, "store.open.emfile")     \
	X(STAGING_FAIL, "staging.fail")               \
	X(BUDGET_FAIL, "budget.fail")                 \
	X(STATE_SAVE_EIO, "state.save.eio")           \
	X(THREAD_FAIL, "thread.fail")                 \
	X(ARENA_FAIL, "arena.fail") /* of protobuf */ \
	X(ALLOC_FAIL, "alloc.fail") /* all other allocations of this code */

#ifdef USRBIO_FAULTS

#define FAULTS_ID(id, name) FAULTS_##id,
enum faults_point { FAULTS(FAULTS_ID) FAULTS_NR };
#undef FAULTS_ID

/* True if the environment has rules for this process. */
bool faults_on(void);
/* Count one more chance of this point, reached at `where`. True if it fails. */
bool faults_hit(enum faults_point point, const char *where);

#define FAULTS_TEXT_(x) #x
#define FAULTS_TEXT(x)	FAULTS_TEXT_(x)
/* True if this point fails now. A chance counts only if `real` is true. */
#define fault_if(real, point) \
	(faults_on() && (real) && faults_hit(FAULTS_##point, __FILE__ ":" FAULTS_TEXT(__LINE__)))

#else
#define fault_if(real, point) (false && (real))
#endif

#define fault_at(point) fault_if(true, point)
/* Do the same for a call that reports its error in errno. */
#define fault_errno(point, err) (fault_at(point) && ((errno = (err)), true))

#endif
