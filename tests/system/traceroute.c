/* traceroute: the hops to an address, found from toynet's side by TTLs that are too small.
 *
 *   traceroute udp|icmp|tcp ADDRESS PORT
 *
 * One probe for each TTL from 1 on: a UDP datagram, an echo request, or the SYN of a connection. Each line printed is a
 * TTL, the address that answered, and what the probe's own socket was told of it, as an errno name: EHOSTUNREACH is the
 * time exceeded of a router, ECONNREFUSED a port unreachable or a reset, 0 an answer. A connection is still being
 * opened after a time exceeded, since that is no hard error (RFC 1122 4.2.3.9): EINPROGRESS. The address comes from a
 * raw ICMP socket, which has to have heard the same; for an answer it is the target's. Ends with the first line that
 * does not tell of a router. */
#include "sides.h"

#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#define HOPS_MAX 8
#define WAIT_MS  3000
#define IP_HDR   20

enum probe { UDP, ICMP, TCP };
static const char *const probe_names[] = {[UDP] = "udp", [ICMP] = "icmp", [TCP] = "tcp"};
static const uint8_t protocols[] = {[UDP] = IPPROTO_UDP, [ICMP] = IPPROTO_ICMP, [TCP] = IPPROTO_TCP};

static int open_probe(enum probe kind, int ttl)
{
	static const int types[] = {[UDP] = SOCK_DGRAM, [ICMP] = SOCK_DGRAM, [TCP] = SOCK_STREAM | SOCK_NONBLOCK};
	int fd = toynet_socket(AF_INET, types[kind], kind == ICMP ? IPPROTO_ICMP : 0);

	if (fd < 0 || toynet_setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)) < 0)
		die("socket");
	return fd;
}

/* The connection's end, or an ICMP message, whichever comes first. */
static int wait_connected(int fd, int raw)
{
	struct pollfd p[2] = {{.fd = fd, .events = POLLOUT}, {.fd = raw, .events = POLLIN}};
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(p, 2, WAIT_MS) <= 0)
		return ETIMEDOUT;
	if (!p[0].revents)
		return EINPROGRESS;
	return toynet_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

/* What the application is told: an errno, 0 for an answer. */
static int ask(enum probe kind, int fd, int raw, const struct sockaddr_in *to)
{
	const struct icmphdr echo = {.type = ICMP_ECHO};
	char answer[100];

	if (toynet_connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 && errno != EINPROGRESS)
		return errno;
	if (kind == UDP && toynet_send(fd, "probe", 5, 0) < 0)
		return errno;
	if (kind == ICMP && toynet_send(fd, &echo, sizeof(echo), 0) < 0)
		return errno;
	if (kind == TCP)
		return wait_connected(fd, raw);
	if (!readable(fd, WAIT_MS))
		return ETIMEDOUT;
	return toynet_recv(fd, answer, sizeof(answer), 0) < 0 ? errno : 0;
}

/* Who said it: the sender of the ICMP error that quotes a datagram to the target. 0: nobody did. */
static in_addr_t who(int raw, enum probe kind, in_addr_t target)
{
	uint8_t packet[2000];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	const size_t quote = IP_HDR + 8;

	while (readable(raw, 0)) {
		ssize_t n = toynet_recvfrom(raw, packet, sizeof(packet), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			die("recvfrom");
		const uint8_t type = packet[IP_HDR];
		if ((type == ICMP_TIME_EXCEEDED || type == ICMP_DEST_UNREACH) && (size_t)n >= quote + IP_HDR + 8 &&
		    packet[quote + 9] == protocols[kind] && memcmp(packet + quote + 16, &target, 4) == 0)
			return from.sin_addr.s_addr;
	}
	return 0;
}

/* Errors for which no ICMP message stands: the target's own answer. */
static bool answered(enum probe kind, int error)
{
	return error == 0 || (kind == TCP && error == ECONNREFUSED);
}

static bool of_a_router(int error)
{
	return error == EHOSTUNREACH || error == EINPROGRESS;
}

int main(int argc, char **argv)
{
	enum probe kind = UDP;

	while (argc == 4 && kind <= TCP && strcmp(argv[1], probe_names[kind]) != 0)
		kind++;
	if (argc != 4 || kind > TCP) {
		fprintf(stderr, "usage: traceroute udp|icmp|tcp ADDRESS PORT\n");
		return 2;
	}
	const struct sockaddr_in to = address(argv[2], kind == ICMP ? "0" : argv[3]);
	int raw = toynet_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	if (raw < 0)
		die("raw socket");
	for (int ttl = 1, error = EHOSTUNREACH; ttl <= HOPS_MAX && of_a_router(error); ttl++) {
		int fd = open_probe(kind, ttl);

		error = ask(kind, fd, raw, &to);
		const struct in_addr by = {answered(kind, error) ? to.sin_addr.s_addr
		                                                 : who(raw, kind, to.sin_addr.s_addr)};
		printf("%d %s %s\n", ttl, inet_ntoa(by), error ? strerrorname_np(error) : "0");
		toynet_close(fd);
	}
	return EXIT_SUCCESS;
}
