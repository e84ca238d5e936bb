/*
 * The signal flag: SIGINT and SIGTERM set it, and who works for long looks at it. The second signal
 * of a kind ends the process as if nobody had asked for the first. Programs turn it on; the library
 * never touches signals by itself.
 */
#ifndef SLP_OS_SIGNAL_H
#define SLP_OS_SIGNAL_H

/* From now on SIGINT and SIGTERM set the flag; a pipe whose reader is gone (CANCELLED) and a file
 * that may not grow (LIMIT) are errors of the write and no signals. */
void os_signal_watch(void);

/* Non-zero (the number of the signal) once one came. Usable as a cancel token of store_wait. */
const volatile int *os_signal_flag(void);

#endif
