/*
 * Cuts a file into pieces. Its reported size is only a hint: files of procfs report 0, and others
 * grow or shrink while they are copied. So the last piece asks for more bytes than expected, and a
 * file ends where a read has found its end. No state of its own; any thread, under copy.lock.
 */
#include "client/tool/copy/copy.h"
#include "client/tool/fs/extents.h"

#define PAGE 4096u /* bytes */

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool piece_can_cut(const struct copy_file *file)
{
	const struct extents *extents = file->extents;

	if ((file->stream || file->standard) && file->out)
		return false;
	if (file->checking)
		return file->next_off < file->end && !file->differs;
	if (extents)
		return extents->next < extents->n && extents->list[extents->next].off < file->end;
	return file->end == UINT64_MAX && file->next_off <= file->size;
}

static void cut_extent(struct copy_file *file, uint64_t block, struct piece *piece)
{
	struct extents *extents = file->extents;
	const struct extent *extent = &extents->list[extents->next];

	piece->off = file->next_off > extent->off ? file->next_off : extent->off;
	piece->len = min(extent->end - piece->off, block);
	extents->next += piece->off + piece->len == extent->end;
}

/*
 * Return the length of a last piece: the rest of the file and at least one byte more, in whole
 * pages. piece_account makes `probe` grow each time that the file was longer than expected.
 */
static uint64_t cut_rest(const struct copy_file *file, uint64_t block)
{
	uint64_t left = file->size - file->next_off;
	uint64_t pages = left < block ? (left / PAGE + 1) * PAGE : block;

	return min(pages > file->probe ? pages : file->probe, block);
}

void piece_cut(struct copy_file *file, const struct copy_config *config, struct piece *piece)
{
	*piece = (struct piece){.file = file, .off = file->next_off, .check = file->checking};
	if (file->checking)
		piece->len = min(file->end - file->next_off, config->block);
	else if (file->extents)
		cut_extent(file, config->block, piece);
	else if (file->size - file->next_off >= config->block)
		piece->len = config->block;
	else
		piece->len = cut_rest(file, config->block);
	piece->size = file->size;
	file->next_off = piece->off + piece->len;
	file->out++;
}

void piece_account(struct copy_file *file, const struct piece *piece)
{
	uint64_t end = piece->off + piece->got;

	file->out--;
	if (piece->check || file->failed)
		return;
	if (piece->got && end > file->written)
		file->written = end;
	if (piece->got < piece->len) {
		file->end = min(file->end, end);
	} else if (!file->extents && file->next_off == end && end > file->size) {
		file->size = end;
		file->probe *= 8;
	}
}
