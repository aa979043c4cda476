/* frames: writes the frames of a file to an interface, again and again, at a steady rate.
 *
 *   frames INTERFACE FILE RATE COUNT
 *
 * In the file each frame has its length before it, two octets, the high one first. COUNT frames are sent in the
 * file's order, RATE of them in a second, in batches that go past the interface's queueing discipline. A frame that the
 * interface cannot take is not repeated: the interface counts it. What is late is caught up. Prints how many frames
 * were sent, how many of them the interface did not take, and the seconds that it took. Needs CAP_NET_RAW. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define BATCH   64
#define TICK_NS 500000
#define BUFFER  (8 << 20) /* frames that wait for the daemon hold room in the socket */

struct file {
	const uint8_t *bytes;
	size_t len, at;
};

static void fail(const char *what)
{
	fprintf(stderr, "frames: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static struct file map_file(const char *path)
{
	struct file f = {0};
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
		fail(path);
	f.len = (size_t)st.st_size;
	f.bytes = mmap(NULL, f.len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (f.bytes == MAP_FAILED)
		fail(path);
	return f;
}

/* The next frame, the first one after the last. */
static struct iovec next_frame(struct file *f)
{
	if (f->at + 2 > f->len)
		f->at = 0;
	size_t len = (size_t)f->bytes[f->at] << 8 | f->bytes[f->at + 1];
	if (f->at + 2 + len > f->len) {
		fputs("frames: the file ends within a frame\n", stderr);
		exit(EXIT_FAILURE);
	}
	struct iovec v = {(void *)(uintptr_t)(f->bytes + f->at + 2), len};
	f->at += 2 + len;
	return v;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1, size = BUFFER;

	if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		fail(name);
	return fd;
}

/* Returns how many the interface did not take: full, or a frame that no interface takes. */
static unsigned long send_batch(int fd, struct file *f, unsigned n)
{
	struct mmsghdr m[BATCH] = {0};
	struct iovec iov[BATCH];
	unsigned long refused = 0;

	for (unsigned i = 0; i < n; i++) {
		iov[i] = next_frame(f);
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	for (unsigned done = 0; done < n;) {
		int sent = sendmmsg(fd, m + done, n - done, MSG_DONTWAIT);
		if (sent > 0) {
			done += (unsigned)sent;
		} else if (errno == ENOBUFS || errno == EAGAIN || errno == EINVAL) {
			done++;
			refused++;
		} else if (errno != EINTR) {
			fail("sendmmsg");
		}
	}
	return refused;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const struct timespec tick = {.tv_nsec = TICK_NS};
	unsigned long sent = 0, refused = 0;

	if (argc != 5) {
		fputs("usage: frames INTERFACE FILE RATE COUNT\n", stderr);
		return 2;
	}
	const int fd = open_interface(argv[1]);
	struct file f = map_file(argv[2]);
	const double rate = atof(argv[3]), begin = now_s();
	const unsigned long count = strtoul(argv[4], NULL, 10);
	while (sent < count) {
		const double due = (now_s() - begin) * rate;
		while (sent < count && (double)sent < due) {
			unsigned long n = count - sent < BATCH ? count - sent : BATCH;
			refused += send_batch(fd, &f, (unsigned)n);
			sent += n;
		}
		nanosleep(&tick, NULL);
	}
	printf("%lu %lu %f\n", sent, refused, now_s() - begin);
	return EXIT_SUCCESS;
}
