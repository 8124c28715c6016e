/*
 * Random work on many files from several threads, checked against models in memory, while the
 * server is killed, stopped and cut off. Prints one RESULT line; exit status 0 if nothing was
 * wrong. The server is our own, or with --url one on another machine or in another network.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/must.h"
#include "tests/stress/player.h"
#include "tests/stress/served.h"
#include "tests/stress/tally.h"
#include "tests/stress/thrasher.h"

static const char usage[] =
	"usage: thrash [--ops N] [--threads N] [--seed N] [--mean MS] [--kills N] [--no-kills]\n"
	"              [--no-stops] [--no-cuts] [--directory DIR] [--name NAME] [--options OPTIONS]\n"
	"              [--url URL] [--disturb PROGRAM [--cuts N]]\n"
	"  --ops N        I/Os and calls in all; default 20000\n"
	"  --mean MS      between two deeds of the thrasher; default 300, 0: none\n"
	"  --kills N      go on until the server was killed and restarted so often\n"
	"  --name NAME    in the RESULT line; default thrash\n"
	"  --options O    of the mount, \"timeout=30\"\n"
	"  --url URL      the mount point, at a server that runs and is left alone\n"
	"  --disturb P    \"P cut N\" shall cut the server off, \"P heal N\" end that; N counts\n"
	"  --cuts N       go on until that was done so often\n"
	"USRBIO_TEST_TRANSPORT and USRBIO_RXE_ADDR are as for tests/e2e.\n";

struct options {
	unsigned long ops;
	unsigned threads;
	const char *directory, *name, *mount;
	struct thrasher_config thrasher;
};

static struct options parse(int argc, char **argv)
{
	static const struct option known[] = {
		{"ops", 1, NULL, 'o'},	    {"threads", 1, NULL, 't'}, {"seed", 1, NULL, 's'},
		{"mean", 1, NULL, 'm'},	    {"kills", 1, NULL, 'k'},   {"no-kills", 0, NULL, 'K'},
		{"no-stops", 0, NULL, 'S'}, {"no-cuts", 0, NULL, 'C'}, {"directory", 1, NULL, 'd'},
		{"name", 1, NULL, 'n'},	    {"options", 1, NULL, 'O'}, {"url", 1, NULL, 'u'},
		{"disturb", 1, NULL, 'D'},  {"cuts", 1, NULL, 'c'},    {NULL, 0, NULL, 0}};
	struct options options = {
		.ops = 20000,
		.threads = 4,
		.directory = "/tmp",
		.name = "thrash",
		.mount = "",
		.thrasher = {.seed = (uint64_t)time(NULL),
			     .pause_ms = 300,
			     .kills = true,
			     .stops = true,
			     .cuts = true},
	};
	struct thrasher_config *thrasher = &options.thrasher;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		switch (c) {
		case 'o':
			options.ops = strtoul(optarg, NULL, 0);
			break;
		case 't':
			options.threads = (unsigned)strtoul(optarg, NULL, 0);
			break;
		case 's':
			thrasher->seed = strtoul(optarg, NULL, 0);
			break;
		case 'm':
			thrasher->pause_ms = (unsigned)strtoul(optarg, NULL, 0);
			break;
		case 'k':
			thrasher->min_kills = (unsigned)strtoul(optarg, NULL, 0);
			break;
		case 'K':
			thrasher->kills = false;
			break;
		case 'S':
			thrasher->stops = false;
			break;
		case 'C':
			thrasher->cuts = false;
			break;
		case 'd':
			options.directory = optarg;
			break;
		case 'n':
			options.name = optarg;
			break;
		case 'O':
			options.mount = optarg;
			break;
		case 'u':
			thrasher->url = optarg;
			break;
		case 'D':
			thrasher->disturb = optarg;
			break;
		case 'c':
			thrasher->min_cuts = (unsigned)strtoul(optarg, NULL, 0);
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	must(options.threads && options.threads <= PLAYERS_MAX, "--threads: 1 to %d", PLAYERS_MAX);
	if (thrasher->url)
		thrasher->kills = thrasher->stops = thrasher->cuts = false;
	else if (strncmp(served_where(), "tcp:", 4))
		thrasher->cuts = false; /* ss knows nothing of queue pairs */
	return options;
}

/* Until enough was done, with as many kills and cuts as were asked for. */
static void play(const struct options *options, struct thrasher *thrasher, struct player *players)
{
	char mount[256];

	snprintf(mount, sizeof(mount), "%s%s%s", thrasher_mount(thrasher),
		 *options->mount ? "?" : "", options->mount);
	for (unsigned i = 0; i < options->threads; i++) {
		players[i].mount = mount;
		players[i].number = i;
		players[i].seed = options->thrasher.seed * 1000 + i;
		player_start(&players[i]);
	}
	thrasher_go(thrasher, players, options->threads);
	while (atomic_load(&tally.ops) < options->ops || !thrasher_content(thrasher))
		nap_ms(20);
	thrasher_halt(thrasher);
	for (unsigned i = 0; i < options->threads; i++)
		player_finish(&players[i]);
}

/* The library says in it what it notices: the thrasher looks. */
static void log_into(const char *log)
{
	setenv("USRBIO_LOG", "info", 0);
	must(freopen(log, "a", stderr) != NULL, "%s", log);
}

int main(int argc, char **argv)
{
	struct options options = parse(argc, argv);
	struct served_place place;
	struct thrasher_report report;
	struct thrasher *thrasher;
	struct player *players;
	int status;

	served_place_make(&place, options.directory);
	options.thrasher.place = &place;
	printf("seed %lu, files in %s, the log in %s\n", options.thrasher.seed, place.directory,
	       place.log);
	fflush(stdout);
	if (options.thrasher.disturb)
		log_into(place.log);
	players = calloc(options.threads, sizeof(*players));
	must(players != NULL, "memory");
	thrasher = thrasher_open(&options.thrasher);
	play(&options, thrasher, players);
	report = thrasher_report(thrasher);
	status = thrasher_close(thrasher);
	free(players);
	if (status)
		tally_add(mismatches, "the server ended with status %d", status);
	if (!tally_report(options.name, &report))
		return 1;
	served_place_remove(&place);
	return 0;
}
