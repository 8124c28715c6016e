/*
 * Load: threads that write and read files of their own through rings of their own and check each
 * byte, until they are told to stop. What is wrong ends the process.
 */
#ifndef USRBIO_TESTS_E2E_LOAD_H
#define USRBIO_TESTS_E2E_LOAD_H

struct load;

/* On a mount point, with files called `name` and a number. Returns once every thread has worked. */
struct load *load_start(const char *mount, const char *name, int nr_threads);
/* Until every thread has done a whole round that began after this call. */
void load_await(struct load *load);
void load_stop(struct load *load);

#endif
