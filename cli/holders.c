/* Holders: /proc/PID/fd/N is a link to "socket:[INODE]", and a toynet socket's inode is in its row.
 *
 * Theory of operation. The inodes that are looked for are sorted once; each descriptor of each process costs a readlink
 * and a binary search. So the same socket is found after dup (another number), fork (another pid) and exec (another
 * name), and no process has to tell anybody. A process may end while we look: then it has no descriptors, which is the
 * truth. */
#include "holders.h"
#include "cli.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int by_inode(const void *a, const void *b)
{
	uint64_t x = (*(struct holders *const *)a)->inode, y = (*(struct holders *const *)b)->inode;

	return x < y ? -1 : x > y;
}

static int by_pid(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->fd < y->fd ? -1 : x->fd > y->fd;
}

void holder_clean_name(char *to, size_t size, const char *name)
{
	size_t n = 0;

	for (; *name && n + 1 < size; name++)
		if (*name < ' ' || *name > '~' || *name == '"' || *name == '\\')
			to[n++] = '?';
		else
			to[n++] = *name;
	to[n] = 0;
}

static void read_name(char *to, size_t size, int pid)
{
	char path[64], name[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (f) {
		size_t n = fread(name, 1, sizeof(name) - 1, f);

		name[n] = 0;
		if (n && name[n - 1] == '\n')
			name[n - 1] = 0;
		fclose(f);
	}
	holder_clean_name(to, size, name);
}

/* The socket's inode that the link of a descriptor names; 0 when it is no socket. */
static uint64_t link_inode(int dir, const char *fd)
{
	static const char prefix[] = "socket:[";
	char target[64];
	ssize_t n = readlinkat(dir, fd, target, sizeof(target) - 1);

	if (n <= 0)
		return 0;
	target[n] = 0;
	if (strncmp(target, prefix, sizeof(prefix) - 1) != 0)
		return 0;
	return strtoull(target + sizeof(prefix) - 1, NULL, 10);
}

/* A name in /proc that begins with a digit. */
static int number(const char *name)
{
	return (int)strtol(name, NULL, 10);
}

static void add_holder(struct holders *h, int pid, int fd)
{
	h->list = cli_realloc(h->list, h->count + 1, sizeof(*h->list));
	h->list[h->count] = (struct holder){.pid = pid, .fd = fd};
	read_name(h->list[h->count].name, sizeof(h->list[h->count].name), pid);
	h->count++;
}

static void scan_process(const char *pid, struct holders **sorted, size_t n)
{
	char path[300];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d))) {
		struct holders wanted = {.inode = 0}, *key = &wanted, **found;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		wanted.inode = link_inode(dirfd(d), e->d_name);
		if (!wanted.inode)
			continue;
		found = bsearch(&key, sorted, n, sizeof(struct holders *), by_inode);
		if (found)
			add_holder(*found, number(pid), number(e->d_name));
	}
	closedir(d);
}

void holders_find(struct holders *sockets, size_t n)
{
	struct holders **sorted = cli_alloc(n, sizeof(struct holders *));
	struct dirent *e;
	size_t count = 0;
	DIR *proc;

	for (size_t i = 0; i < n; i++)
		if (sockets[i].inode)
			sorted[count++] = &sockets[i];
	if (count == 0)
		goto out;
	qsort(sorted, count, sizeof(struct holders *), by_inode);
	proc = opendir("/proc");
	if (!proc)
		goto out;
	while ((e = readdir(proc)))
		if (isdigit((unsigned char)e->d_name[0]))
			scan_process(e->d_name, sorted, count);
	closedir(proc);
	for (size_t i = 0; i < count; i++)
		if (sorted[i]->count > 1)
			qsort(sorted[i]->list, sorted[i]->count, sizeof(struct holder), by_pid);
out:
	free(sorted);
}

void holders_free(struct holders *sockets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(sockets[i].list);
}
