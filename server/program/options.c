/*
 * The parser of the command line. The caller owns the options that it fills in. It has no state
 * except that of getopt, and only the main thread uses it.
 */
#include "server/program/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/provider/provider.h"
#include "common/transport/addr.h"
#include "common/base/log.h"
#include "common/base/text.h"

#define SECONDS_MAX 1000000u

/* The sandbox is off here: a sanitizer reads /proc and starts a program to report what it found. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_DEFAULT SANDBOX_OFF
#else
#define SANDBOX_DEFAULT SANDBOX_ON
#endif

static const char usage[] =
	"usage: usrbio-server --export NAME=WHERE[,OPTION]... ... [--listen URL] ...\n"
	"\n"
	"Serve directories to usrbio clients over RDMA and TCP.\n"
	"\n"
	"  --export NAME=WHERE[,ro][,sync][,id=ID]\n"
	"                            export WHERE as NAME; ro: read-only; sync: acknowledge\n"
	"                            writes when they are on disk; id: what stays the same\n"
	"                            when the export gets another name or server (NAME);\n"
	"                            WHERE is a directory, null:SIZE or memory:\n"
	"  --listen URL              tcp://, tls:// or rdma://HOST[:PORT]; HOST * is every\n"
	"                            address, PORT 0 any free one (tcp://127.0.0.1:7040)\n"
	"  --keyring FILE            serve only clients with a key in FILE; SIGHUP: read it again\n"
	"  --state DIR               keep in DIR what has to survive a restart\n"
	"  --insecure-no-auth        without a keyring, serve clients of other machines, too\n"
	"  --workers N               threads that serve connections (one per CPU)\n"
	"  --call-threads N          threads for calls about names and files, of each export (16)\n"
	"  --staging MIB             staging buffers of each worker (at most 32)\n"
	"  --memory MIB              limit for server and clients (half of what there is)\n"
	"  --max-connections N       connections of all clients together (1024)\n"
	"  --max-inflight N          I/Os under way on a connection (4096)\n"
	"  --max-sessions N          sessions of all clients together (4096)\n"
	"  --max-files N             open files of a session (65536)\n"
	"  --session-time SECONDS    keep a session without a connection (60)\n"
	"  --keepalive SECONDS       ping a client that is silent for this long (5); 0: never\n"
	"  --hello-time SECONDS      from connecting to the first message (5)\n"
	"  --stall-time SECONDS      disconnect a client that reads no data for this long (30)\n"
	"  --stop-time SECONDS       end this long after SIGTERM, whatever the disk does (5)\n"
	"  --sandbox on|required|off give up access to everything but the exports: if the\n"
	"                            kernel can (on), or do not start; off: for debugging\n"
	"  --huge-pages              allocate staging buffers from huge pages, if available\n"
	"  --log LEVEL               off, error, warn, info or debug (warn)\n"
	"  --help, --version         print help or version and exit\n";

struct parser {
	struct options *options;
	FILE *out, *err;
};

static int usage_error(const struct parser *parser, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Report wrong usage in one line, with the arguments escaped. */
static int usage_error(const struct parser *parser, const char *fmt, ...)
{
	char *text;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) >= 0) {
		fputs("usrbio-server: ", parser->err);
		text_escape(parser->err, text, true);
		fputc('\n', parser->err);
		free(text);
	}
	va_end(args);
	return -EINVAL;
}

/* Remove a suffix, and set *found. Returns true if the suffix was there. */
static bool take_word(char *text, const char *word, bool *found)
{
	size_t len = strlen(text), end = strlen(word);

	if (len < end || strcmp(text + len - end, word))
		return false;
	text[len - end] = '\0';
	return *found = true;
}

/* Remove a suffix ",id=ID", and set *id. Returns true if it was there. */
static bool take_id(char *text, const char **id)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_.-";
	char *word = strrchr(text, ',');

	if (!word || strncmp(word, ",id=", 4) || !word[4] || word[4 + strspn(word + 4, plain)])
		return false;
	*word = '\0';
	*id = word + 4;
	return true;
}

/* Get the end of a missing directory's name that looks like an export option, or NULL. */
static const char *unknown_word(const char *where)
{
	const char *word = strrchr(where, ',');

	if (!word || (*where != '/' && *where != '.') || !access(where, F_OK))
		return NULL;
	word++;
	return word[strspn(word, "abcdefghijklmnopqrstuvwxyz_")] ? NULL : word;
}

static int parse_export(struct parser *parser, char *text)
{
	struct server_config *config = &parser->options->config;
	struct export_config *export = &parser->options->exports[config->nr_exports];
	char *where = strchr(text, '=');
	size_t len = where ? (size_t)(where - text) : 0;
	const char *word;

	if (config->nr_exports == OPTIONS_MAX)
		return usage_error(parser, "--export: at most %d of them", OPTIONS_MAX);
	if (!len || !where[1] || len > EXPORT_NAME_MAX || memchr(text, '/', len))
		return usage_error(parser, "--export %s: use NAME=WHERE, with no '/' in NAME",
				   text);
	where++;
	while (take_word(where, ",ro", &export->read_only) ||
	       take_word(where, ",sync", &export->sync) || take_id(where, &export->id))
		;
	if (!*where)
		return usage_error(parser, "--export %s: WHERE is missing", text);
	word = unknown_word(where);
	if (word)
		return usage_error(parser,
				   "--export %s: unknown export option %s; use ro, sync or "
				   "id=ID",
				   text, word);
	memcpy(export->name, text, len);
	export->name[len] = '\0';
	export->where = where;
	config->nr_exports++;
	return 0;
}

static int parse_listen(struct parser *parser, char *text)
{
	struct server_config *config = &parser->options->config;
	struct listen_config *listen = &parser->options->listens[config->nr_listens];
	char *host = strstr(text, "://");
	size_t len = host ? (size_t)(host - text) : 0;

	if (config->nr_listens == OPTIONS_MAX)
		return usage_error(parser, "--listen: at most %d of them", OPTIONS_MAX);
	if (!len || len >= sizeof(listen->scheme))
		return usage_error(parser,
				   "--listen %s: use tcp://HOST[:PORT], or the same with tls:// or "
				   "rdma://",
				   text);
	memcpy(listen->scheme, text, len);
	listen->scheme[len] = '\0';
	if (!provider_find(listen->scheme))
		return usage_error(parser,
				   "--listen %s: no transport \"%s\"; there are tcp, tls and rdma",
				   text, listen->scheme);
	listen->port = PROTO_PORT;
	if (addr_split(host + 3, listen->host, sizeof(listen->host), &listen->port))
		return usage_error(parser,
				   "--listen %s: bad host or port; use HOST, HOST:PORT or "
				   "[IPV6]:PORT",
				   text);
	config->nr_listens++;
	return 0;
}

static int parse_number(struct parser *parser, const char *name, const char *text, unsigned max,
			unsigned *value)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !number || number > max)
		return usage_error(parser, "--%s %s: use a number from 1 to %u", name, text, max);
	*value = (unsigned)number;
	return 0;
}

/*
 * Parse seconds into milliseconds. The number 0 yields `none`; if `none` is 0, the number 0 is
 * refused.
 */
static int parse_seconds(struct parser *parser, const char *name, const char *text, unsigned none,
			 unsigned *ms)
{
	unsigned seconds;
	int err;

	if (none && !strcmp(text, "0")) {
		*ms = none;
		return 0;
	}
	err = parse_number(parser, name, text, SECONDS_MAX, &seconds);
	if (!err)
		*ms = seconds * 1000;
	return err;
}

static int parse_sandbox(struct parser *parser, const char *text)
{
	static const char *const words[] = {
		[SANDBOX_ON] = "on", [SANDBOX_REQUIRED] = "required", [SANDBOX_OFF] = "off"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(text, words[i])) {
			parser->options->sandbox = (enum sandbox)i;
			return 0;
		}
	return usage_error(parser, "--sandbox %s: use on, required or off", text);
}

enum {
	EXPORT,
	LISTEN,
	KEYRING,
	STATE,
	INSECURE,
	WORKERS,
	CALL_THREADS,
	STAGING,
	MEMORY,
	CONNECTIONS,
	INFLIGHT,
	SESSIONS,
	FILES,
	SESSION_TIME,
	KEEPALIVE,
	HELLO_TIME,
	STALL_TIME,
	STOP_TIME,
	HUGE_PAGES,
	SANDBOX,
	LOG,
	HELP,
	VERSION,
};

static const struct option known[] = {
	{"export", required_argument, NULL, EXPORT},
	{"listen", required_argument, NULL, LISTEN},
	{"keyring", required_argument, NULL, KEYRING},
	{"state", required_argument, NULL, STATE},
	{"insecure-no-auth", no_argument, NULL, INSECURE},
	{"workers", required_argument, NULL, WORKERS},
	{"call-threads", required_argument, NULL, CALL_THREADS},
	{"staging", required_argument, NULL, STAGING},
	{"memory", required_argument, NULL, MEMORY},
	{"max-connections", required_argument, NULL, CONNECTIONS},
	{"max-inflight", required_argument, NULL, INFLIGHT},
	{"max-sessions", required_argument, NULL, SESSIONS},
	{"max-files", required_argument, NULL, FILES},
	{"session-time", required_argument, NULL, SESSION_TIME},
	{"keepalive", required_argument, NULL, KEEPALIVE},
	{"hello-time", required_argument, NULL, HELLO_TIME},
	{"stall-time", required_argument, NULL, STALL_TIME},
	{"stop-time", required_argument, NULL, STOP_TIME},
	{"huge-pages", no_argument, NULL, HUGE_PAGES},
	{"sandbox", required_argument, NULL, SANDBOX},
	{"log", required_argument, NULL, LOG},
	{"help", no_argument, NULL, HELP},
	{"version", no_argument, NULL, VERSION},
	{0},
};

/* Parse an option that takes a number or a time. */
static int parse_limit(struct parser *parser, int option, const char *value)
{
	struct server_config *config = &parser->options->config;

	switch (option) {
	case WORKERS:
		return parse_number(parser, "workers", value, 256, &config->nr_workers);
	case CALL_THREADS:
		return parse_number(parser, "call-threads", value, 1024, &config->call_threads);
	case STAGING:
		return parse_number(parser, "staging", value, 1u << 20, &config->staging_mib);
	case MEMORY:
		return parse_number(parser, "memory", value, 1u << 24, &config->memory_mib);
	case CONNECTIONS:
		return parse_number(parser, "max-connections", value, 1u << 20,
				    &config->max_connections);
	case INFLIGHT:
		return parse_number(parser, "max-inflight", value, INFLIGHT_MAX,
				    &config->max_inflight);
	case SESSIONS:
		return parse_number(parser, "max-sessions", value, 1u << 20, &config->max_sessions);
	case FILES:
		return parse_number(parser, "max-files", value, FILES_MAX, &config->max_files);
	case SESSION_TIME: /* 0 becomes 1 ms */
		return parse_seconds(parser, "session-time", value, 1, &config->session_ms);
	case KEEPALIVE:
		return parse_seconds(parser, "keepalive", value, SERVER_OFF, &config->keepalive_ms);
	case HELLO_TIME:
		return parse_seconds(parser, "hello-time", value, 0, &config->hello_ms);
	case STALL_TIME:
		return parse_seconds(parser, "stall-time", value, 0, &config->stall_ms);
	case STOP_TIME:
		return parse_seconds(parser, "stop-time", value, 0, &config->stop_ms);
	default:
		return usage_error(parser, "unknown option %s; see --help", value);
	}
}

static int parse_option(struct parser *parser, int option, char *value)
{
	struct server_config *config = &parser->options->config;

	switch (option) {
	case EXPORT:
		return parse_export(parser, value);
	case LISTEN:
		return parse_listen(parser, value);
	case KEYRING:
		config->keyring = value;
		return 0;
	case STATE:
		config->state = value;
		return 0;
	case INSECURE:
		config->insecure = true;
		return 0;
	case HUGE_PAGES:
		config->huge_pages = true;
		return 0;
	case SANDBOX:
		return parse_sandbox(parser, value);
	case LOG:
		return log_set_level(value) ? usage_error(parser,
							  "--log %s: use off, error, warn, info or "
							  "debug",
							  value)
					    : 0;
	case HELP:
		fputs(usage, parser->out);
		return 1;
	case VERSION:
		fputs("usrbio-server " USRBIO_VERSION "\n", parser->out);
		return 1;
	case ':':
		return usage_error(parser, "%s needs a value; see --help", value);
	default:
		return parse_limit(parser, option, value);
	}
}

static int finish(struct parser *parser, int argc, char **argv)
{
	struct options *options = parser->options;

	if (optind < argc)
		return usage_error(parser,
				   "unexpected \"%s\"; exports are given by --export NAME=WHERE",
				   argv[optind]);
	if (!options->config.nr_exports)
		return usage_error(parser, "nothing to serve; use --export NAME=DIRECTORY");
	if (!options->config.nr_listens) {
		options->listens[0] = (struct listen_config){"tcp", "127.0.0.1", PROTO_PORT};
		options->config.nr_listens = 1;
	}
	return 0;
}

int options_parse(struct options *options, int argc, char **argv, FILE *out, FILE *err)
{
	struct parser parser = {.options = options, .out = out, .err = err};
	int option, status = 0;

	*options = (struct options){
		.config = {.exports = options->exports, .listens = options->listens},
		.sandbox = SANDBOX_DEFAULT,
	};
	optind = 0; /* makes getopt start over, also after an earlier call */
	while (!status && (option = getopt_long(argc, argv, "+:", known, NULL)) != -1)
		status = parse_option(&parser, option,
				      option == '?' || option == ':' ? argv[optind - 1] : optarg);
	return status ? status : finish(&parser, argc, argv);
}
