/* usrbio touch: sets times at a server, and makes empty files. No state; the main thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "client/tool/base/tool.h"
#include "common/base/clock.h"
#include "client/tool/fs/fs.h"

static const char help[] =
	"usage: usrbio touch [-c] [-a] [-m] [-r FILE | -d TIME] PATH...\n\n"
	"Set the times of files to the time of the server, and make files that do not exist.\n\n"
	"  -c, --no-create       make no files\n"
	"  -a                    only the time of the last access\n"
	"  -m                    only the time of the last change\n"
	"  -r, --reference FILE  the times of FILE, which is on a mount, too\n"
	"  -d, --date TIME       @SECONDS[.FRACTION] since 1970, or the local time\n"
	"                        'YYYY-MM-DD HH:MM:SS[.FRACTION]'\n";

static const struct option option_table[] = {{"no-create", no_argument, NULL, 'c'},
					     {"reference", required_argument, NULL, 'r'},
					     {"date", required_argument, NULL, 'd'},
					     {"help", no_argument, NULL, 'h'},
					     {0}};

struct touch_options {
	bool no_create, access, change;
	const char *reference, *date;
	struct timespec times[2]; /* of the last access, and of the last change */
};

/* Parse ".FRACTION" or nothing as nanoseconds; false: it is neither. */
static bool parse_fraction(const char *text, long *ns)
{
	long unit = 100000000;

	*ns = 0;
	if (!*text)
		return true;
	if (*text++ != '.' || !*text)
		return false;
	for (; *text >= '0' && *text <= '9'; text++, unit /= 10)
		*ns += (*text - '0') * unit;
	return !*text;
}

static bool parse_date(const char *text, struct timespec *ts)
{
	struct tm tm = {.tm_isdst = -1};
	char *end;

	if (*text == '@') {
		errno = 0;
		ts->tv_sec = strtoll(text + 1, &end, 10);
		return !errno && end != text + 1 && (text[1] != '-' || !*end) &&
		       parse_fraction(end, &ts->tv_nsec);
	}
	end = strptime(text, "%Y-%m-%d", &tm);
	if (end && (*end == ' ' || *end == 'T'))
		end = strptime(end + 1, "%H:%M:%S", &tm);
	if (!end || !parse_fraction(end, &ts->tv_nsec))
		return false;
	ts->tv_sec = mktime(&tm);
	return true;
}

/* Find out the times to set. 0, or an exit status after a report. */
static int find_times(struct touch_options *options)
{
	struct timespec *times = options->times;
	struct endpoint endpoint;
	struct usrbio_stat st;
	int err;

	times[0] = times[1] = (struct timespec){.tv_nsec = UTIME_NOW};
	if (options->date && !parse_date(options->date, &times[0]))
		return usage("--date: '%s' is no time", options->date);
	times[1] = times[0];
	if (options->reference) {
		if (!endpoint_on_mount(options->reference, &endpoint))
			return EXIT_FAILED;
		err = usrbio_stat(options->reference, &st);
		if (err)
			return fail(options->reference, err);
		times[0] = file_time_of(st.atime_ns);
		times[1] = file_time_of(st.mtime_ns);
	}
	if (options->access && !options->change)
		times[1].tv_nsec = UTIME_OMIT;
	if (options->change && !options->access)
		times[0].tv_nsec = UTIME_OMIT;
	return 0;
}

/* Make a file and set its times; one that another program makes meanwhile is as good. */
static int make(const char *path, const struct timespec *times, mode_t mode)
{
	int fd = usrbio_open(path, O_WRONLY | O_CREAT, mode), err;

	if (fd < 0)
		return fd;
	err = usrbio_futimens(fd, times);
	usrbio_close(fd);
	return err;
}

static int touch(const struct touch_options *options, const char *path, mode_t mode)
{
	struct endpoint endpoint;
	int err;

	if (!endpoint_on_mount(path, &endpoint))
		return EXIT_FAILED;
	err = usrbio_utimens(path, options->times);
	if (err == -ENOENT)
		err = options->no_create ? 0 : make(path, options->times, mode);
	return err ? fail(path, err) : EXIT_FINE;
}

static void set(struct touch_options *options, int option)
{
	switch (option) {
	case 'c':
		options->no_create = true;
		break;
	case 'a':
		options->access = true;
		break;
	case 'm':
		options->change = true;
		break;
	case 'r':
		options->reference = optarg;
		break;
	default:
		options->date = optarg;
	}
}

static int run(int argc, char **argv)
{
	mode_t mask = umask(0);
	struct touch_options options = {0};
	int option, status;

	umask(mask);
	while ((option = next_option(argc, argv)) >= 0)
		set(&options, option);
	if (optind == argc)
		return usage("a path is needed");
	if (options.reference && options.date)
		return usage("-r and -d exclude each other");
	status = find_times(&options);
	if (status)
		return status;
	for (; optind < argc; optind++)
		status |= touch(&options, argv[optind], 0666 & ~mask);
	return status;
}

const struct command cmd_touch = {
	.name = "touch",
	.summary = "set times, and make empty files",
	.help = help,
	.run = run,
	.letters = "camr:d:h",
	.options = option_table,
};
