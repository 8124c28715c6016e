/* What the tests of sessions share: a registry of sessions, and members that enter and leave. */
#ifndef USRBIO_TESTS_SERVER_REGISTRY_H
#define USRBIO_TESTS_SERVER_REGISTRY_H

#include <stdint.h>

#include "server/account/account.h"
#include "server/session/export.h"
#include "server/session/file.h"
#include "server/session/session.h"
#include "server/session/sessions.h"
#include "server/store/store.h"

#define KEPT   100 /* ns that a session without a connection is kept */
#define YIELDS 10  /* the same, if others need its place */

/* A member, and how often it was notified. */
struct one {
	struct member member;
	unsigned notified;
};

extern struct sessions *registry;
extern struct budget registry_budget;	/* usually without an end */
extern uint64_t registry_now_ns;	/* when members enter */
extern struct exports registry_exports; /* "a" and "b", each a memory store */

/* For TestSuite: before and after a case. */
void registry_open(void);
void registry_close(void);
/* Open `registry` with these limits, in place of one that was closed. */
void registry_open_sessions(unsigned max_sessions, uint32_t max_files);
/* The same, for few connections of all ids together. */
void registry_open_shared(unsigned max_connections, unsigned max_sessions, uint32_t max_files);
/* Enter a session of the export of this number. */
int registry_enter_export(struct one *one, unsigned export, const struct claim *claim);
/* Enter a session of "a": as session_enter() does, and a new one, which must succeed. */
int registry_enter(struct one *one, const struct claim *claim);
struct server_session *registry_enter_new(struct one *one);
void registry_leave(struct one *one);
/* Open the file "f" in the session; returns its handle. */
uint64_t registry_add_file(struct server_session *session);

#endif
