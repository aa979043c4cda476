/* datagrams: sends UDP datagrams with a number in each at a steady rate, or receives them and tells which are missing.
 *
 *   datagrams SIDE send ADDRESS PORT SIZE RATE SECONDS
 *   datagrams SIDE receive ADDRESS PORT SIZE RCVBUF
 *
 * SIDE is kernel or toynet (see sides.h), RATE in datagrams a second. The first datagram goes out alone, so that the
 * address of the next hop is known when the others follow. The receiver says "ready" when it is bound and ends when
 * nothing has come for IDLE_MS after the first datagram. Both print one line of JSON at last. The receiver expects the
 * sender's order and contents: a number that comes twice, or later than a higher one, is counted apart. */
#include "sides.h"

#define DATAGRAM_MAX 65507
#define AHEAD_NS     100000000 /* between the first datagram and the others */
#define IDLE_MS      1000
#define FIRST_MS     15000
#define BURST        64 /* sent in one call at most, when the sender is late */

static uint8_t pattern(uint64_t number)
{
	return (uint8_t)(number * 31 + 7);
}

static void fill(uint8_t *datagram, size_t size, uint64_t number)
{
	memcpy(datagram, &number, sizeof(number));
	datagram[sizeof(number)] = datagram[size - 1] = pattern(number);
}

struct load {
	int fd;
	bool native; /* the kernel's socket: many in one call */
	size_t size;
	uint64_t sent;
	uint64_t retries; /* sends that found a full buffer of the kernel's */
};

/* At most n; returns how many went out. */
static unsigned send_some(struct load *l, const struct side *side, unsigned n)
{
	static uint8_t datagrams[BURST][DATAGRAM_MAX];
	static struct iovec iov[BURST];
	static struct mmsghdr messages[BURST];
	int sent;

	for (unsigned i = 0; i < n; i++) {
		fill(datagrams[i], l->size, l->sent + i);
		iov[i] = (struct iovec){.iov_base = datagrams[i], .iov_len = l->size};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
	}
	if (l->native) {
		sent = sendmmsg(l->fd, messages, n, 0);
	} else {
		for (sent = 0; (unsigned)sent < n; sent++)
			if (side->send(l->fd, datagrams[sent], l->size, 0) < 0)
				break;
	}
	if (sent <= 0 && errno != ENOBUFS && errno != EINTR)
		die("send");
	if (sent <= 0) {
		l->retries++;
		return 0;
	}
	l->sent += (unsigned)sent;
	return (unsigned)sent;
}

static int run_sender(const struct side *side, char **argv)
{
	const struct sockaddr_in to = address(argv[0], argv[1]);
	const uint64_t rate = strtoull(argv[3], NULL, 10);
	const double seconds = strtod(argv[4], NULL);
	const uint64_t total = (uint64_t)((double)rate * seconds);
	struct load l = {.native = side == &sides[0], .size = strtoul(argv[2], NULL, 10)};

	if (l.size <= sizeof(uint64_t) || l.size > DATAGRAM_MAX)
		return EXIT_FAILURE;
	l.fd = side->socket(AF_INET, SOCK_DGRAM, 0);
	if (l.fd < 0 || side->connect(l.fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	send_some(&l, side, 1);
	const int64_t began = now_ns() + AHEAD_NS;

	while (l.sent < total) {
		const int64_t passed = now_ns() - began;
		uint64_t due = passed < 0 ? 0 : (uint64_t)passed * rate / 1000000000;

		due = due < total ? due : total;
		if (due > l.sent)
			send_some(&l, side, (unsigned)(due - l.sent < BURST ? due - l.sent : BURST));
		else
			nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
		if (passed > (int64_t)(seconds * 2e9)) /* the machine is too slow: the figure will tell */
			break;
	}
	printf("{\"sent\": %llu, \"seconds\": %.3f, \"retries\": %llu}\n", (unsigned long long)l.sent,
	       (double)(now_ns() - began) / 1e9, (unsigned long long)l.retries);
	return EXIT_SUCCESS;
}

struct tally {
	uint64_t received, next; /* next: one above the highest number */
	uint64_t late, wrong;    /* not above the highest; not as they were sent */
	uint64_t gaps, missing;  /* places where numbers are missing, and how many of them */
	int64_t first_ns, last_ns;
};

static void look(struct tally *t, const uint8_t *datagram, size_t n, size_t size)
{
	uint64_t number;

	memcpy(&number, datagram, sizeof(number));
	t->received++;
	t->wrong += n != size || datagram[sizeof(number)] != pattern(number) || datagram[n - 1] != pattern(number);
	if (number < t->next) {
		t->late++;
		return;
	}
	t->gaps += number > t->next;
	t->missing += number - t->next;
	t->next = number + 1;
}

static int run_receiver(const struct side *side, char **argv)
{
	const struct sockaddr_in at = address(argv[0], argv[1]);
	const size_t size = strtoul(argv[2], NULL, 10);
	static uint8_t buf[DATAGRAM_MAX];
	struct tally t = {0};
	int fd = side->socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		die("socket");
	set_receive_buffer(side, fd, (int)strtol(argv[3], NULL, 10));
	if (side->bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		die("bind");
	printf("ready\n");
	fflush(stdout);
	while (readable(fd, t.received ? IDLE_MS : FIRST_MS)) {
		ssize_t n;

		while ((n = side->recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) >= (ssize_t)sizeof(uint64_t)) {
			look(&t, buf, (size_t)n, size);
			t.last_ns = now_ns();
			if (t.received == 2)
				t.first_ns = t.last_ns;
		}
		if (n >= 0 || errno != EAGAIN)
			die("recv");
	}
	printf("{\"received\": %llu, \"highest\": %lld, \"late\": %llu, \"wrong\": %llu, \"gaps\": %llu, "
	       "\"missing\": %llu, \"seconds\": %.3f}\n",
	       (unsigned long long)t.received, (long long)t.next - 1, (unsigned long long)t.late,
	       (unsigned long long)t.wrong, (unsigned long long)t.gaps, (unsigned long long)t.missing,
	       (double)(t.last_ns - t.first_ns) / 1e9);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const struct side *side = argc > 1 ? side_named(argv[1]) : NULL;

	if (side && argc == 8 && strcmp(argv[2], "send") == 0)
		return run_sender(side, argv + 3);
	if (side && argc == 7 && strcmp(argv[2], "receive") == 0)
		return run_receiver(side, argv + 3);
	fprintf(stderr, "usage: datagrams SIDE send ADDRESS PORT SIZE RATE SECONDS\n"
	                "       datagrams SIDE receive ADDRESS PORT SIZE RCVBUF\n");
	return 2;
}
