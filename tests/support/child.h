/*
 * Children made by fork under AddressSanitizer. Its malloc takes no care of fork: if another thread
 * of the parent was in it, and be it one just starting, it stays locked in the child for ever. So
 * a child of a process with threads does there only what allocates nothing.
 */
#ifndef USRBIO_TESTS_E2E_CHILD_H
#define USRBIO_TESTS_E2E_CHILD_H

#ifdef __SANITIZE_ADDRESS__
#define CHILD_MAY_ALLOCATE 0
#else
#define CHILD_MAY_ALLOCATE 1
#endif

#endif
