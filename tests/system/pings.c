/* pings: an echo request of each size on a ping socket, and every reply compared with what was sent.
 *
 *   pings SIDE ADDRESS < SIZES
 *
 * SIDE is kernel or toynet (see sides.h); SIZES are numbers of data bytes, 0 to 65507, at most SIZES_MAX of them.
 * Several requests are under way at a time, as many as PIPELINE_BYTES allow. Prints how many were answered; exit status
 * 0 when each was, once, with its own data, and none is missing after WAIT_MS of silence. */
#include "sides.h"

#include <netinet/ip_icmp.h>

#define SIZES_MAX      65536 /* the sequence number tells them apart */
#define DATA_MAX       65507
#define HEADER         8
#define PIPELINE       32
#define PIPELINE_BYTES (128 << 10)
#define RECEIVE_BUFFER (4 << 20)
#define WAIT_MS        5000

static uint32_t sizes[SIZES_MAX];
static bool answered[SIZES_MAX];
static uint8_t noise[DATA_MAX + SIZES_MAX];
static uint32_t count, sent, replies, under_way, bytes_under_way;
static unsigned failures;

/* Data of their own for each request: a place of its own in the noise. */
static const uint8_t *data_of(uint32_t number)
{
	return noise + number;
}

static void make_noise(void)
{
	uint32_t x = 2463534242;

	for (size_t i = 0; i < sizeof(noise); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		noise[i] = (uint8_t)(x >> 11);
	}
}

static void read_sizes(void)
{
	while (count < SIZES_MAX && scanf("%u", &sizes[count]) == 1) {
		if (sizes[count] > DATA_MAX) {
			fprintf(stderr, "pings: %u bytes are too many\n", sizes[count]);
			exit(2);
		}
		count++;
	}
}

static void failed(uint32_t number, const char *what)
{
	if (failures++ < 20)
		fprintf(stderr, "pings: request %u of %u bytes: %s\n", number, sizes[number], what);
}

static void send_request(const struct side *side, int fd)
{
	static uint8_t message[HEADER + DATA_MAX];
	const struct icmphdr h = {.type = ICMP_ECHO, .un.echo.sequence = htons((uint16_t)sent)};
	const uint32_t size = sizes[sent];

	memcpy(message, &h, sizeof(h));
	memcpy(message + HEADER, data_of(sent), size);
	if (side->send(fd, message, HEADER + size, 0) < 0)
		die("send");
	sent++;
	under_way++;
	bytes_under_way += size;
}

static void take_reply(const uint8_t *message, size_t n)
{
	struct icmphdr h;

	memcpy(&h, message, sizeof(h));
	const uint32_t number = ntohs(h.un.echo.sequence);

	if (h.type != ICMP_ECHOREPLY || h.code != 0 || number >= sent) {
		fprintf(stderr, "pings: not a reply to a request: type %u code %u number %u\n", h.type, h.code, number);
		failures++;
		return;
	}
	if (answered[number]) {
		failed(number, "answered twice");
		return;
	}
	answered[number] = true;
	under_way--;
	bytes_under_way -= sizes[number];
	replies++;
	if (n != HEADER + sizes[number])
		failed(number, "the reply has another length");
	else if (memcmp(message + HEADER, data_of(number), sizes[number]) != 0)
		failed(number, "the reply has other data");
}

static bool room(void)
{
	return sent < count &&
	       (under_way == 0 || (under_way < PIPELINE && bytes_under_way + sizes[sent] <= PIPELINE_BYTES));
}

static void exchange(const struct side *side, int fd)
{
	static uint8_t reply[HEADER + DATA_MAX + 1];

	while (replies < count) {
		while (room())
			send_request(side, fd);
		if (!readable(fd, WAIT_MS))
			return;
		ssize_t n = side->recv(fd, reply, sizeof(reply), 0);
		if (n < HEADER)
			die("recv");
		take_reply(reply, (size_t)n);
	}
}

int main(int argc, char **argv)
{
	const struct side *side = argc == 3 ? side_named(argv[1]) : NULL;

	if (!side) {
		fprintf(stderr, "usage: pings kernel|toynet ADDRESS < SIZES\n");
		return 2;
	}
	const struct sockaddr_in to = address(argv[2], "0");
	int fd = side->socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

	if (fd < 0)
		die("socket");
	set_receive_buffer(side, fd, RECEIVE_BUFFER);
	if (side->connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	make_noise();
	read_sizes();
	exchange(side, fd);
	for (uint32_t i = 0; i < sent; i++)
		if (!answered[i])
			failed(i, "no reply");
	printf("%u of %u answered\n", replies, count);
	return failures == 0 && replies == count && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
