/*
 * Is a stream a terminal, and how wide is it?
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

/* A variable of the environment, or NULL when it is not set or empty. */
const char *os_environment(const char *name);

#endif
