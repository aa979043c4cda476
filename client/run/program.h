/* toynet-run, the program: whether another program can be helped. */
#ifndef TOYNET_CLIENT_RUN_PROGRAM_H
#define TOYNET_CLIENT_RUN_PROGRAM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define PROGRAM_WHY_MAX 512

enum program_verdict {
	PROGRAM_HELPED,
	PROGRAM_NOT,     /* it would use the kernel's network; why tells */
	PROGRAM_MISSING, /* there is none; why tells */
};

/* Looks at the file that execvp(3) would run for name; path is its path. A script is judged by its interpreter. */
enum program_verdict program_check(const char *name, char path[PATH_MAX], char why[PROGRAM_WHY_MAX]);

#endif
