/* usrbio keygen: makes a key file. No state; the main thread. */
#include <errno.h>
#include <string.h>

#include "client/tool/base/tool.h"
#include "common/auth/keyfile.h"

static const char help[] =
	"usage: usrbio keygen ID FILE\n\n"
	"Generate a key for the client ID and write it to FILE, which must not exist; only its\n"
	"owner may read it. A mount with key=NAME uses the file /etc/usrbio/keys/NAME. Append FILE\n"
	"to the keyring of the server, with the exports it grants: see usrbio-server(8).\n";

static const struct option option_table[] = {{"help", no_argument, NULL, 'h'}, {0}};

static int run(int argc, char **argv)
{
	struct secret secret;
	const char *id, *path;
	int err;

	next_option(argc, argv);
	if (argc - optind != 2)
		return usage("an id and a file are needed");
	id = argv[optind];
	path = argv[optind + 1];
	if (!secret_id_ok(id, strlen(id)))
		return usage("%s: an id is 1 to 64 of letters, digits, '_', '.' and '-'", id);
	err = secret_draw(&secret);
	if (!err)
		err = keyfile_write(path, id, &secret);
	secret_wipe(&secret);
	return err ? fail(path, err) : EXIT_FINE;
}

const struct command cmd_keygen = {
	.name = "keygen",
	.summary = "generate a key for a client",
	.help = help,
	.run = run,
	.letters = "h",
	.options = option_table,
};
