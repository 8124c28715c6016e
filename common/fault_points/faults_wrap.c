/*
 * The fault points alloc.fail and thread.fail. The linker redirects the calls of this project's
 * objects to these functions (--wrap, see CMakeLists.txt), but not those of other libraries. They
 * own nothing, and any thread calls them.
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/fault_points/faults.h"

/* The names that the linker makes: __wrap_ for the functions here, __real_ for the originals. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t nr, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max);
int __wrap_asprintf(char **out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);
void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t nr, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t max);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);

/*
 * True if the call fails, with errno set. `caller` is the return address of the call. The log names
 * it in a form that addr2line takes.
 */
static bool fails(enum faults_point point, void *caller)
{
	char where[512] = "?";
	Dl_info info;

	if (!faults_on())
		return false;
	if (dladdr(caller, &info))
		snprintf(where, sizeof(where), "%s+0x%" PRIxPTR, info.dli_fname,
			 (uintptr_t)caller - (uintptr_t)info.dli_fbase - 1);
	if (!faults_hit(point, where))
		return false;
	errno = ENOMEM;
	return true;
}

#define FAILS() fails(FAULTS_ALLOC_FAIL, __builtin_return_address(0))

void *__wrap_malloc(size_t size)
{
	return FAILS() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return FAILS() ? NULL : __real_calloc(nr, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return FAILS() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t nr, size_t size)
{
	return FAILS() ? NULL : __real_reallocarray(old, nr, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return FAILS() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text)
{
	return FAILS() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t max)
{
	return FAILS() ? NULL : __real_strndup(text, max);
}

int __wrap_asprintf(char **out, const char *fmt, ...)
{
	va_list args;
	int n;

	if (FAILS())
		return -1;
	va_start(args, fmt);
	n = vasprintf(out, fmt, args);
	va_end(args);
	return n;
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return FAILS() ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg)
{
	if (fails(FAULTS_THREAD_FAIL, __builtin_return_address(0)))
		return EAGAIN;
	return __real_pthread_create(thread, attr, run, arg);
}
