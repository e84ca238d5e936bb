/*
 * The standard streams: is one a terminal, how wide is it, and are they there?
 */
#ifndef SLP_OS_TERMINAL_H
#define SLP_OS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Is standard output (1) or standard error (2) a terminal? */
bool os_terminal_is(int stream);

/* Columns of the terminal behind standard output, from the kernel, else $COLUMNS; 80 when neither
 * tells. */
size_t os_terminal_width(void);

/*
 * Hold the places of standard input, output and error where they are closed: else the next file
 * that is opened takes such a place, and a message is written into it. Reading and writing there
 * fail as before. Call it first.
 */
void os_streams_hold(void);

/* A variable of the environment, or NULL when it is not set or empty. */
const char *os_environment(const char *name);

#endif
