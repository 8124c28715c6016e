/* The lines on standard error about an error of a file or directory. No state; any thread. */
#include <errno.h>

#include "client/tool/copy/copy.h"
#include "client/tool/base/tool.h"

void complain(const char *from, const char *to, enum side side, int err)
{
	switch (err) {
	case ERR_SAME_FILE:
		fail_text("%s and %s are the same file", from, to);
		break;
	case ERR_DIFFERS:
		fail_text("%s: differs from %s", to, from);
		break;
	case ERR_JUST_MADE:
		fail_text("will not overwrite just-created '%s' with '%s'", to, from);
		break;
	case ERR_IS_DIRECTORY:
		fail_text("%s: is a directory, not overwritten with the file %s", to, from);
		break;
	case ERR_NOT_DIRECTORY:
		fail_text("%s: is not a directory, not overwritten with the directory %s", to,
			  from);
		break;
	case ERR_LINK_IN_TARGET:
		fail_text("%s: is a symbolic link, which is not followed below the target", to);
		break;
	case ERR_SPECIAL:
		fail_text(
			"%s: is a device, FIFO or socket; only one that is named as the target is "
			"written",
			to);
		break;
	case ERR_NOT_A_FILE:
		fail_text("%s: neither a file nor a directory, skipped", from);
		break;
	case ERR_LOOP:
		fail_text("%s: a symbolic link to a directory that contains it, skipped", from);
		break;
	case ERR_INTO_ITSELF:
		fail_text("%s: cannot be copied into itself, %s", from, to);
		break;
	case ERR_NOT_REMOVED:
		fail_text("%s: not copied, because %s is a directory that stays", from, to);
		break;
	case ERR_FIRST_NAME:
		fail_text("%s: not made, because another name of its file was not copied", to);
		break;
	case ERR_NO_CHECK:
		fail_text("%s: cannot be read again for --verify", to);
		break;
	case -ESTALE:
		fail_text("%s: was replaced by something else while it was copied",
			  side == FROM ? from : to);
		break;
	case FS_NOT_FOLLOWED:
		fail_text("%s: a symbolic link of another user to a file of a third user; not "
			  "followed",
			  from);
		break;
	default:
		fail(side == FROM ? from : to, err);
	}
}
