/*
 * What the programs of the sweep have in common: a life may fail, with an errno. Then it is lived
 * again, and soon it has to succeed. What is worse than failing is told on a line that begins with
 * "wrong". Any thread may tell.
 */
#ifndef USRBIO_TESTS_FAULTS_LIVES_H
#define USRBIO_TESTS_FAULTS_LIVES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STUCK_S	    30
#define PERIOD	    251 /* of the bytes in a file, so that no two blocks are alike */
#define URL_MAX	    512
#define COLLECT_MAX 8 /* I/Os at once */

struct hf3fs_ior;

/* One life. Its number makes its files different from those of others. */
struct lived {
	int number;
	atomic_bool failed;
};

/* Tell what must not be, whatever fails. */
void tell_wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* True if the call succeeded; the first that did not is told. */
bool did(struct lived *lived, const char *call, int64_t result);

/* The bytes of a file of this number. */
void pattern_of(int number, uint8_t *bytes, size_t len);
/* True if `bytes` are those at `off` of it. */
bool is_pattern_of(int number, const uint8_t *bytes, size_t off, size_t len);

/*
 * Wait for nr I/Os, whose userdata are 0 to nr - 1, and write their results: exactly one completion
 * for each. False: there was another number of them, which is told.
 */
bool collect(struct hf3fs_ior *ring, int64_t *results, int nr);

/*
 * Live until two lives running succeed: what the first left behind must not hurt the second. Then
 * say how many descriptors there are, once there are no more than `most`, or that takes too long.
 * Returns the exit status.
 */
int lives_until_well(bool (*live)(struct lived *lived, void *arg), void *arg, const char *most);

#endif
