/*
 * Read into memory of the program, without a copy, and without memory of the library.
 *
 *	cc 05_wrap_memory.c -lusrbio -o wrap_memory
 *	./wrap_memory tcp://127.0.0.1/data model.bin >copy.bin
 *
 * Wrapping is cheap, and a program may do it again for each I/O. The memory is registered when it
 * is first used, and the library finds the registration again by id, base and size. The same memory
 * has to have the same id, and other memory another id. It must stay mapped while I/O uses it.
 */
#include <sys/mman.h>
#include <sys/random.h>

#include "example.h"

#define ROOM ((size_t)4 << 20)

int main(int argc, char **argv)
{
	struct hf3fs_ior ring;
	struct hf3fs_cqe done;
	uint64_t off = 0;
	uint8_t id[16];
	void *memory;
	int fd;

	if (argc != 3)
		return 2;
	fd = open_file(argv[1], argv[2], O_RDONLY);
	check(hf3fs_iorcreate4(&ring, argv[1], 1, true, 0, 0, -1, 0), "ring");
	memory = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || getrandom(id, sizeof(id), 0) != sizeof(id))
		return 1;

	do {
		struct hf3fs_iov iov;

		check(hf3fs_iovwrap(&iov, memory, id, argv[1], ROOM, 0, -1), "wrap");
		check(hf3fs_prep_io(&ring, &iov, true, memory, fd, off, ROOM, NULL), "prepare");
		check(hf3fs_submit_ios(&ring), "submit");
		check(hf3fs_wait_for_ios(&ring, &done, 1, 1, NULL), "wait");
		check(done.result, "read");
		fwrite(memory, 1, (size_t)done.result, stdout);
		off += (uint64_t)done.result;
	} while (done.result);

	hf3fs_iordestroy(&ring);
	munmap(memory, ROOM); /* no I/O uses it any more; there is no function to unwrap it */
	close_file(fd);
	return fflush(stdout) != 0;
}
