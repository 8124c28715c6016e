/*
 * Reads the free memory of the machine and of our control groups. Its only state is a flag, which
 * the process owns; any thread.
 */
#include "client/memory/mem_avail.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/host/group.h"

/* This amount is left for other programs, and for the kernel's tables of our memory. */
#define RESERVE ((uint64_t)32 << 20) /* bytes */
/* At most 1/8 of the limit of a control group is left. */
#define GROUP_SHARE 8
/*
 * For fewer bytes than this the control groups are not checked, because reading their files would
 * take longer than the allocation.
 */
#define SMALL ((uint64_t)1 << 20)

/* Read a small file as a string; false if it cannot be read. */
static bool slurp(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, room - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/*
 * Return the free memory in bytes. If free pages cover `need`, one system call is enough; otherwise
 * caches that can be dropped are counted as well.
 */
static uint64_t machine_has(uint64_t need)
{
	char text[2048], *at;
	struct sysinfo info;
	uint64_t nr_free = 0;

	if (!sysinfo(&info))
		nr_free = (uint64_t)info.freeram * info.mem_unit;
	if (nr_free >= need || !slurp("/proc/meminfo", text, sizeof(text)))
		return nr_free;
	at = strstr(text, "MemAvailable:");
	return at ? strtoull(at + 13, NULL, 10) * 1024 : nr_free;
}

/* Check our control group and those above it. The first refusal of a process is logged. */
static bool groups_have(uint64_t size)
{
	static atomic_bool told;
	struct group_memory memory;
	uint64_t reserve = RESERVE;

	group_memory("", &memory);
	if (reserve > memory.max.value / GROUP_SHARE)
		reserve = memory.max.value / GROUP_SHARE;
	if (memory.left.value >= reserve && memory.left.value - reserve >= size)
		return true;
	if (!atomic_exchange(&told, true))
		log_warn("no memory for %" PRIu64 " MiB more: the control group has %" PRIu64
			 " MiB left below %s",
			 size >> 20, memory.left.value >> 20, memory.left.by);
	return false;
}

/* Check the limit of the file size, because growing a file beyond it raises SIGXFSZ. */
static bool file_size_allows(uint64_t size)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY ||
	       size <= limit.rlim_cur;
}

bool mem_avail_for(size_t size)
{
	uint64_t need = (uint64_t)size + RESERVE;

	if (need < size || !file_size_allows(size))
		return false;
	if (machine_has(need) < need)
		return false;
	return size < SMALL || groups_have(size);
}
