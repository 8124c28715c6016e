/*
 * Memory in pages. First comes mmap(), then a NUMA policy, and then the pages, because the first
 * access decides about their placement. The caller owns the memory. Any thread may call this; the
 * only state is whether the log line was written.
 */
#include "common/base/pages.h"

#include <errno.h>
#include <numa.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/log.h"

#define HUGE_SIZE ((size_t)2 << 20)

static size_t round_to(size_t len, size_t unit)
{
	return len > SIZE_MAX - (unit - 1) ? 0 : (len + unit - 1) / unit * unit;
}

size_t pages_round(size_t len)
{
	return round_to(len, (size_t)sysconf(_SC_PAGESIZE));
}

void pages_bind(void *base, size_t len, int node)
{
	if (node < 0 || numa_available() < 0 || node > numa_max_node())
		return;
	numa_tonode_memory(base, len, node);
}

static void *map_huge(size_t len)
{
	static atomic_bool told;
	void *base = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (base == MAP_FAILED && !atomic_exchange(&told, true))
		log_info(
			"no huge pages for %zu bytes, so ordinary pages are used; raise vm.nr_hugepages",
			len);
	return base;
}

int pages_alloc(struct pages *pages, size_t len, int node, bool huge)
{
	size_t size = huge ? round_to(len, HUGE_SIZE) : 0;
	void *base = MAP_FAILED;

	if (!len)
		return -EINVAL;
	if (size)
		base = map_huge(size);
	huge = base != MAP_FAILED;
	if (!huge) {
		size = pages_round(len);
		if (!size)
			return -ENOMEM;
		base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (base == MAP_FAILED)
			return -ENOMEM;
	}
	pages_bind(base, size, node);
	/*
	 * Kernels before 5.14 do not know this advice (EINVAL), and a filter may refuse it; the
	 * pages then come at their first touch.
	 */
	if (madvise(base, size, MADV_POPULATE_WRITE) && (errno == ENOMEM || errno == EFAULT)) {
		munmap(base, size);
		return -ENOMEM;
	}
	*pages = (struct pages){.base = base, .len = size, .huge = huge};
	return 0;
}

void pages_free(struct pages *pages)
{
	if (pages->base)
		munmap(pages->base, pages->len);
	*pages = (struct pages){0};
}

int pages_touch(const void *base, size_t len, bool write)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)base & ~(page - 1);
	int advice = write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;

	if (!len)
		return 0;
	if (!base || len > UINTPTR_MAX - (uintptr_t)base)
		return -EFAULT;
	len += (uintptr_t)base - start;
	if (!madvise((void *)start, len, advice))
		return 0;
	/* Kernels before 5.14 do not know this advice: check at least that everything is mapped. */
	if (errno == EINVAL && madvise((void *)start, 0, advice))
		return msync((void *)start, len, MS_ASYNC) ? -EFAULT : 0;
	return -EFAULT;
}
