/* What several lies have in common. Main thread only. */
#ifndef USRBIO_TESTS_AUTH_LYING_H
#define USRBIO_TESTS_AUTH_LYING_H

#include "tests/auth/play/hand.h"

/* Connect, and say hello as somebody. */
void lying_begin(struct hand *hand, const struct login *who);
/* What this one would have to say for a proof; and a proof with a mac. */
struct said lying_proof(const struct hand *hand);
void lying_mac(struct hand *hand, const uint8_t *mac);

/* It ends without another word; with at most a refusal before; with the refusal of a key. Closed
 * then. */
void lying_expect_end(struct hand *hand, const char *what);
void lying_expect_no(struct hand *hand, const char *what);
void lying_refused(struct hand *hand, const char *what);

#endif
