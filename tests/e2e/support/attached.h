/* The export's directory as a mount of the test, for descriptors of open(2). Main thread only. */
#ifndef USRBIO_TESTS_E2E_ATTACHED_H
#define USRBIO_TESTS_E2E_ATTACHED_H

/* `usrbio attach` of a mount to a directory it exports. */
void attach(const char *mount, const char *dir);
/* Of e2e_mount to e2e_dir; skips the test where the files are on another machine. */
void attach_export(void);

/* open(2), which must succeed. */
int open_file(const char *path, int flags);
/* And hf3fs_reg_fd; close_reg undoes both. */
int open_reg(const char *path, int flags);
void close_reg(int fd);

#endif
