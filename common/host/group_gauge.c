/* Limits of memory, read again and again from files that stay open. The gauge owns them. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/fork.h"
#include "common/host/group.h"

static int open_file(const char *dir, const char *name)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return -1;
	return fork_own(open(path, O_RDONLY | O_CLOEXEC));
}

static void close_file(int fd)
{
	if (fd >= 0)
		fork_close(fd);
}

static void add_limit(struct group_gauge *gauge, const char *dir, bool v2, const char *name,
		      const char *usage)
{
	uint64_t max;

	if (gauge->nr == GROUP_GAUGE_MAX || !group_read_number(dir, name, &max) ||
	    max >= GROUP_V1_NO_LIMIT)
		return;
	gauge->limit[gauge->nr].v2 = v2;
	gauge->limit[gauge->nr].max = open_file(dir, name);
	gauge->limit[gauge->nr].used = open_file(dir, usage);
	gauge->limit[gauge->nr].stat = open_file(dir, "memory.stat");
	gauge->limit[gauge->nr].kernel = v2 ? -1 : open_file(dir, GROUP_KERNEL_FILE);
	gauge->nr++;
}

static void look_at_memory(const struct group_look *look, const char *dir, bool v2)
{
	if (v2) {
		add_limit(look->result, dir, v2, "memory.max", "memory.current");
		add_limit(look->result, dir, v2, "memory.high", "memory.current");
	} else {
		add_limit(look->result, dir, v2, "memory.limit_in_bytes", "memory.usage_in_bytes");
		add_limit(look->result, dir, v2, "memory.memsw.limit_in_bytes",
			  "memory.memsw.usage_in_bytes");
	}
}

void group_gauge_open(const char *root, struct group_gauge *gauge)
{
	const struct group_look look = {look_at_memory, gauge};

	gauge->nr = 0;
	group_look(root, "memory", &look);
}

void group_gauge_close(struct group_gauge *gauge)
{
	while (gauge->nr) {
		gauge->nr--;
		close_file(gauge->limit[gauge->nr].max);
		close_file(gauge->limit[gauge->nr].used);
		close_file(gauge->limit[gauge->nr].stat);
		close_file(gauge->limit[gauge->nr].kernel);
	}
}

/* Read a file from its beginning. */
static bool read_again(int fd, char *text, size_t room)
{
	ssize_t n = fd < 0 ? -1 : pread(fd, text, room - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool number_again(int fd, uint64_t *number)
{
	const char *end;
	char text[64];

	return read_again(fd, text, sizeof(text)) && group_parse(text, &end, number);
}

uint64_t group_gauge_left(const struct group_gauge *gauge, uint64_t *max)
{
	uint64_t least = GROUP_NO_LIMIT;

	*max = GROUP_NO_LIMIT;
	for (unsigned i = 0; i < gauge->nr; i++) {
		char stat[GROUP_TEXT_MAX];
		uint64_t limit, used, left, kernel;

		if (!number_again(gauge->limit[i].max, &limit) ||
		    !number_again(gauge->limit[i].used, &used))
			continue;
		read_again(gauge->limit[i].stat, stat, sizeof(stat));
		if (!number_again(gauge->limit[i].kernel, &kernel))
			kernel = 0;
		left = group_left(limit, used, kernel, stat, gauge->limit[i].v2);
		least = left < least ? left : least;
		*max = limit < *max ? limit : *max;
	}
	return least;
}
