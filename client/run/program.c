/* Why a program can be helped or not: a library can be preloaded only into a program that has a dynamic linker, and
 * that the kernel does not run with more rights than its caller; and what it wraps are functions of the C library. */
#include "program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HEAD_MAX     4096
#define SEGMENTS_MAX 64
#define NESTED_MAX   4 /* interpreters of interpreters */

/* As execvp(3) searches. */
static bool find(const char *name, char path[PATH_MAX])
{
	const char *dirs = getenv("PATH");

	if (strchr(name, '/'))
		return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && access(path, X_OK) == 0;
	for (dirs = dirs ? dirs : "/bin:/usr/bin"; dirs; dirs = strchr(dirs, ':') ? strchr(dirs, ':') + 1 : NULL) {
		int len = (int)strcspn(dirs, ":");
		struct stat st;

		if (snprintf(path, PATH_MAX, "%.*s%s%s", len, dirs, len ? "/" : "./", name) < PATH_MAX &&
		    access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

/* AT_SECURE: the dynamic linker ignores LD_PRELOAD. */
static bool has_more_rights(const char *path, const struct stat *st, char why[PROGRAM_WHY_MAX])
{
	const bool other_user = st->st_mode & S_ISUID && st->st_uid != geteuid();
	const bool other_group = st->st_mode & S_ISGID && st->st_gid != getegid();

	if (other_user || other_group)
		snprintf(why, PROGRAM_WHY_MAX, "%s is set-%s-ID: the dynamic linker preloads nothing into it", path,
		         other_user ? "user" : "group");
	else if (geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
		snprintf(why, PROGRAM_WHY_MAX, "%s has file capabilities: the dynamic linker preloads nothing into it",
		         path);
	else
		return false;
	return true;
}

/* The segments of an ELF file of this machine. False: why. */
static bool read_segments(int fd, const uint8_t *head, ssize_t len, Elf64_Phdr *segment, unsigned *count,
                          const char *path, char why[PROGRAM_WHY_MAX])
{
	Elf64_Ehdr e;

	if (len < (ssize_t)sizeof(e) || memcmp(head, ELFMAG, SELFMAG) != 0) {
		snprintf(why, PROGRAM_WHY_MAX, "%s is neither an ELF program nor a script", path);
		return false;
	}
	memcpy(&e, head, sizeof(e));
	if (e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_phentsize != sizeof(Elf64_Phdr)) {
		snprintf(why, PROGRAM_WHY_MAX, "%s is a 32-bit program: the preloaded library is for 64 bits", path);
		return false;
	}
	*count = e.e_phnum < SEGMENTS_MAX ? e.e_phnum : SEGMENTS_MAX;
	if (pread(fd, segment, *count * sizeof(*segment), (off_t)e.e_phoff) != (ssize_t)(*count * sizeof(*segment))) {
		snprintf(why, PROGRAM_WHY_MAX, "%s is a damaged ELF program", path);
		return false;
	}
	return true;
}

static bool has_segment(const Elf64_Phdr *segment, unsigned count, uint32_t type)
{
	for (unsigned i = 0; i < count; i++)
		if (segment[i].p_type == type)
			return true;
	return false;
}

/* Go's linker leaves a note whose owner is "Go". */
static bool is_go(int fd, const Elf64_Phdr *segment, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct {
			Elf64_Nhdr n;
			char owner[4];
		} note;
		if (segment[i].p_type == PT_NOTE && segment[i].p_filesz >= sizeof(note) &&
		    pread(fd, &note, sizeof(note), (off_t)segment[i].p_offset) == (ssize_t)sizeof(note) &&
		    note.n.n_namesz == sizeof(note.owner) && memcmp(note.owner, "Go\0", 4) == 0)
			return true;
	}
	return false;
}

static enum program_verdict check_elf(int fd, const uint8_t *head, ssize_t len, const char *path,
                                      char why[PROGRAM_WHY_MAX])
{
	Elf64_Phdr segment[SEGMENTS_MAX];
	unsigned count;

	if (!read_segments(fd, head, len, segment, &count, path, why))
		return PROGRAM_NOT;
	const bool go = is_go(fd, segment, count);
	if (!has_segment(segment, count, PT_INTERP)) {
		snprintf(why, PROGRAM_WHY_MAX, "%s is linked statically%s: nothing can be preloaded into it", path,
		         go ? ", by Go" : "");
		return PROGRAM_NOT;
	}
	if (go) {
		snprintf(why, PROGRAM_WHY_MAX,
		         "%s is a Go program: it makes its system calls itself, past the C library; use gRPC", path);
		return PROGRAM_NOT;
	}
	return PROGRAM_HELPED;
}

/* The interpreter of a script, the first word behind "#!". */
static bool interpreter_of(const uint8_t *head, ssize_t len, char path[PATH_MAX])
{
	const char *p = (const char *)head + 2;
	size_t left = (size_t)len - 2, skip = 0, n = 0;

	while (skip < left && (p[skip] == ' ' || p[skip] == '\t'))
		skip++;
	while (skip + n < left && !strchr(" \t\n", p[skip + n]))
		n++;
	return n > 0 && snprintf(path, PATH_MAX, "%.*s", (int)n, p + skip) < PATH_MAX;
}

static enum program_verdict check_file(char path[PATH_MAX], int nested, char why[PROGRAM_WHY_MAX])
{
	uint8_t head[HEAD_MAX];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		snprintf(why, PROGRAM_WHY_MAX, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return PROGRAM_MISSING;
	}
	ssize_t len = pread(fd, head, sizeof(head), 0);
	enum program_verdict verdict = PROGRAM_NOT;

	if (len > 2 && memcmp(head, "#!", 2) == 0) {
		close(fd);
		if (nested == NESTED_MAX || !interpreter_of(head, len, path)) {
			snprintf(why, PROGRAM_WHY_MAX, "the script names no interpreter");
			return PROGRAM_NOT;
		}
		return check_file(path, nested + 1, why);
	}
	if (!has_more_rights(path, &st, why))
		verdict = check_elf(fd, head, len, path, why);
	close(fd);
	return verdict;
}

enum program_verdict program_check(const char *name, char path[PATH_MAX], char why[PROGRAM_WHY_MAX])
{
	why[0] = '\0';
	if (!find(name, path)) {
		snprintf(why, PROGRAM_WHY_MAX, "%s: no such program", name);
		return PROGRAM_MISSING;
	}
	return check_file(path, 0, why);
}
