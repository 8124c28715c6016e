/* Other programs: run to their end, or kept beside the test. None outlives its starter. */
#ifndef USRBIO_TESTS_E2E_PROCESS_H
#define USRBIO_TESTS_E2E_PROCESS_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;
	int in;	 /* write end of its stdin, -1: closed */
	int out; /* read end of its stdout */
};

/* Start argv[0] (a path). Its stderr goes to the file `log`, or to ours when that is NULL. */
void process_start(struct process *process, const char *const argv[], const char *log);
/* One line of its stdout without the newline; false at its end. */
bool process_line(struct process *process, char *line, size_t size);
void process_close_stdin(struct process *process);
/* Wait for its end: the exit status, or 128 + signal. Closes the pipes. */
int process_wait(struct process *process);
/* Run to the end; stdout into out (cut to size, zero-ended) when out is not NULL. Its status. */
int process_run(const char *const argv[], char *out, size_t size);

#define run(...)		 process_run((const char *const[]){__VA_ARGS__, NULL}, NULL, 0)
#define run_into(out, size, ...) process_run((const char *const[]){__VA_ARGS__, NULL}, out, size)

/* Of /proc/PID: open descriptors, threads, CPU ticks, voluntary context switches of all threads. */
unsigned process_fds(pid_t pid);
unsigned process_threads(pid_t pid);
unsigned process_server_threads(pid_t pid); /* those named like a server's */
unsigned long process_ticks(pid_t pid);
unsigned long process_switches(pid_t pid);

/* Stop a process (SIGSTOP), and wait until all its threads stand still. */
void process_stop(pid_t pid);

/* Sleep a little; for loops that wait for somebody else's progress. */
void nap_ms(unsigned ms);

#endif
