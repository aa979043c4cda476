/* What the calls of the sockets API do, line by line: run once on the kernel and once under toynet-run, its output must
 * be the same.
 *
 *     semantics OWN PEER
 *
 * PEER runs semantics_peer, which does by port what a scenario needs; to be connected to, the script asks it by a
 * datagram. Nothing that differs from run to run (ports, times, descriptor numbers) is printed. */
#include "semantics.h"
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#ifndef POLLRDHUP
#define POLLRDHUP 0x2000
#endif

static struct sockaddr_in own, peer;
static volatile sig_atomic_t sigpipes;

/* The script: what it says. */

static const char *name_of(int error)
{
	return error ? strerrorname_np(error) : "0";
}

static void say(const char *what, long result)
{
	int error = errno;

	if (result < 0)
		printf("%s: -1 %s\n", what, name_of(error));
	else
		printf("%s: %ld\n", what, result);
}

static void say_text(const char *what, const char *buf, ssize_t n)
{
	if (n < 0)
		say(what, n);
	else
		printf("%s: %zd \"%.*s\"\n", what, n, (int)n, buf);
}

static void say_events(const char *what, unsigned e)
{
	static const struct {
		unsigned bit;
		const char *name;
	} bits[] = {{POLLIN, " IN"},   {POLLPRI, " PRI"}, {POLLOUT, " OUT"},
	            {POLLERR, " ERR"}, {POLLHUP, " HUP"}, {POLLRDHUP, " RDHUP"}};

	printf("%s:", what);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (e & bits[i].bit)
			fputs(bits[i].name, stdout);
	putchar('\n');
}

static unsigned poll_for(int fd, short events, int ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, ms) > 0 ? (unsigned)p.revents : 0;
}

static void say_error(int fd)
{
	int error = -1;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		say("SO_ERROR", -1);
	else
		printf("SO_ERROR: %s\n", name_of(error));
}

static int connect_to(int port, int flags)
{
	struct sockaddr_in a = at(peer, port);
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	must(fd >= 0, "socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno != EINPROGRESS)
		say("connect", -1);
	return fd;
}

static int listen_on(uint16_t *port)
{
	struct sockaddr_in a = at(own, 0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
	must(listen(fd, 8) == 0, "listen");
	must(getsockname(fd, (struct sockaddr *)&a, &len) == 0, "getsockname");
	*port = ntohs(a.sin_port);
	return fd;
}

static void ask_for_connection(uint16_t port, char mode)
{
	char text[32];
	struct sockaddr_in a = at(peer, UDP_ASK), from = at(own, 0);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), n = snprintf(text, sizeof(text), "c %u %c", port, mode);

	must(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0, "bind of the question");
	must(sendto(fd, text, (size_t)n, 0, (struct sockaddr *)&a, sizeof(a)) == n, "asking the peer");
	close(fd);
}

static void on_pipe(int signal)
{
	(void)signal;
	sigpipes++;
}

static void refused(void)
{
	struct sockaddr_in a = at(peer, CLOSED);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	say("blocking connect", connect(fd, (struct sockaddr *)&a, sizeof(a)));
	say_error(fd);
	close(fd);
	fd = connect_to(CLOSED, SOCK_NONBLOCK);
	poll_for(fd, POLLOUT, 2000);
	usleep(200000);
	say_events("non-blocking connect, poll", poll_for(fd, POLLIN | POLLOUT | POLLRDHUP, 2000));
	say_error(fd);
	say_error(fd);
	say("write after it", write(fd, "x", 1));
	close(fd);
}

static void reset_in_recv(void)
{
	char buf[16];
	int fd = connect_to(RESET, 0);

	say("write", write(fd, "x", 1));
	say("blocked recv", recv(fd, buf, sizeof(buf), 0));
	say("recv again", recv(fd, buf, sizeof(buf), 0));
	say_error(fd);
	int before = sigpipes;
	say("write", write(fd, "x", 1));
	printf("SIGPIPE: %d\n", sigpipes - before);
	close(fd);
}

static void reset_in_send(void)
{
	static char big[1 << 20];
	int fd = connect_to(SINK, 0), before = sigpipes;
	ssize_t n;

	while ((n = send(fd, big, sizeof(big), MSG_NOSIGNAL)) > 0)
		;
	say("blocked send", n);
	say("send again", send(fd, big, 1, MSG_NOSIGNAL));
	printf("SIGPIPE: %d\n", sigpipes - before);
	say("send again, with the signal", send(fd, big, 1, 0));
	printf("SIGPIPE: %d\n", sigpipes - before);
	close(fd);
}

static void half_close(void)
{
	char buf[16];
	int fd = connect_to(DRAIN, 0);

	say("write", write(fd, "data", 4));
	say("shutdown WR", shutdown(fd, SHUT_WR));
	int before = sigpipes;
	say("write after it", write(fd, "x", 1));
	printf("SIGPIPE: %d\n", sigpipes - before);
	say_text("read", buf, read(fd, buf, sizeof(buf)));
	say("read at the end", read(fd, buf, sizeof(buf)));
	say_events("poll", poll_for(fd, POLLIN | POLLOUT | POLLRDHUP, 1000));
	say("shutdown again", shutdown(fd, SHUT_WR));
	close(fd);

	fd = connect_to(HELLO, 0);
	say_events("after the peer's end", poll_for(fd, POLLRDHUP, 2000));
	say_text("read", buf, read(fd, buf, sizeof(buf)));
	say("read at the end", read(fd, buf, sizeof(buf)));
	say("write to it", write(fd, "x", 1));
	close(fd);

	fd = connect_to(ECHO, 0);
	say("shutdown RD", shutdown(fd, SHUT_RD));
	say("read after it", read(fd, buf, sizeof(buf)));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	say("shutdown without a connection", shutdown(fd, SHUT_RDWR));
	close(fd);
}

static void linger_zero(void)
{
	struct linger l = {.l_onoff = 1};
	uint16_t port;
	int listener = listen_on(&port), fd;
	socklen_t len = sizeof(l);

	ask_for_connection(port, 'w');
	fd = accept(listener, NULL, NULL);
	say("SO_LINGER 0", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	l.l_onoff = 0;
	say("reading it", getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
	printf("on %d, %d s\n", l.l_onoff, l.l_linger);
	say("close", close(fd));
	close(listener);
}

static void peeking(void)
{
	char buf[16];
	int fd = connect_to(TWICE, 0), queued = -1;

	say_events("poll", poll_for(fd, POLLIN, 2000));
	say("FIONREAD", ioctl(fd, FIONREAD, &queued) < 0 ? -1 : queued);
	say_text("MSG_PEEK", buf, recv(fd, buf, sizeof(buf), MSG_PEEK));
	say_text("MSG_PEEK again", buf, recv(fd, buf, 1, MSG_PEEK));
	say_text("recv", buf, recv(fd, buf, sizeof(buf), 0));
	say("MSG_DONTWAIT", recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	say("write", write(fd, "x", 1));
	say_text("MSG_WAITALL", buf, recv(fd, buf, 2, MSG_WAITALL));
	say("shutdown", shutdown(fd, SHUT_WR));
	say_text("MSG_WAITALL at the end", buf, recv(fd, buf, 5, MSG_WAITALL));
	close(fd);
	fd = connect_to(HELLO, 0);
	say_text("MSG_WAITALL, cut by the end", buf, recv(fd, buf, sizeof(buf), MSG_WAITALL));
	close(fd);
}

static int wait_epoll(int ep, const char *what, int ms)
{
	struct epoll_event e;
	int n = epoll_wait(ep, &e, 1, ms);

	if (n > 0)
		say_events(what, e.events & ~(unsigned)EPOLLET);
	else
		say(what, n);
	return n;
}

static void edge_triggered(void)
{
	char buf[16];
	int fd = connect_to(TWICE, 0), ep = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN | EPOLLET};

	poll_for(fd, POLLIN, 2000);
	say("EPOLL_CTL_ADD", epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	wait_epoll(ep, "the first edge", 2000);
	wait_epoll(ep, "no second one", 100);
	say("EPOLL_CTL_MOD", epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e));
	wait_epoll(ep, "armed again", 2000);
	say_text("read", buf, read(fd, buf, sizeof(buf)));
	say("write", write(fd, "x", 1));
	wait_epoll(ep, "new data, new edge", 2000);
	say_text("read", buf, read(fd, buf, sizeof(buf)));
	close(ep);
	close(fd);
}

static void datagrams(void)
{
	char buf[64], big[1024];
	struct sockaddr_in a = at(peer, UDP_ECHO), from;
	socklen_t len = sizeof(from);
	struct iovec iov = {.iov_base = buf, .iov_len = 4};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), queued = -1;

	memset(big, 'q', sizeof(big));
	say("send without a peer", send(fd, "x", 1, 0));
	say("an empty datagram", sendto(fd, "", 0, 0, (struct sockaddr *)&a, sizeof(a)));
	say_events("poll", poll_for(fd, POLLIN, 2000));
	say("recvfrom", recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len));
	printf("from the peer: %d, %u bytes of address\n", from.sin_port == a.sin_port, len);
	say("connect", connect(fd, (struct sockaddr *)&a, sizeof(a)));
	say("send", send(fd, "0123456789", 10, 0));
	poll_for(fd, POLLIN, 2000);
	say("FIONREAD", ioctl(fd, FIONREAD, &queued) < 0 ? -1 : queued);
	say_text("cut", buf, recv(fd, buf, 4, 0));
	say("send", send(fd, "0123456789", 10, 0));
	poll_for(fd, POLLIN, 2000);
	say("MSG_TRUNC", recv(fd, buf, 4, MSG_TRUNC));
	say("send", send(fd, "0123456789", 10, 0));
	poll_for(fd, POLLIN, 2000);
	say_text("recvmsg", buf, recvmsg(fd, &msg, 0));
	printf("msg_flags: %s\n", msg.msg_flags & MSG_TRUNC ? "MSG_TRUNC" : "0");
	say("write", write(fd, big, sizeof(big)));
	poll_for(fd, POLLIN, 2000);
	say("read", read(fd, big, sizeof(big)));
	say("nothing there", recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	static char huge[65508];
	say("too long", send(fd, huge, sizeof(huge), 0));
	a = at(peer, CLOSED);
	say("connect again", connect(fd, (struct sockaddr *)&a, sizeof(a)));
	say("send to nobody", send(fd, "x", 1, 0));
	say_events("poll", poll_for(fd, POLLIN, 2000));
	say("recv", recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	a.sin_family = AF_UNSPEC;
	say("connect AF_UNSPEC", connect(fd, (struct sockaddr *)&a, sizeof(a)));
	say("getpeername", getpeername(fd, (struct sockaddr *)&from, &len));
	close(fd);
}

static void conflicts(void)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	uint16_t port;
	int first = listen_on(&port), on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	a = at(own, port);
	say("bind to a listener's port", bind(fd, (struct sockaddr *)&a, sizeof(a)));
	say("SO_REUSEADDR", setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	say("bind with it", bind(fd, (struct sockaddr *)&a, sizeof(a)));
	a = at(own, 0);
	say("bind", bind(fd, (struct sockaddr *)&a, sizeof(a)));
	say("bind twice", bind(fd, (struct sockaddr *)&a, sizeof(a)));
	a.sin_addr.s_addr = htonl(0xc0000263); /* 192.0.2.99 */
	int other = socket(AF_INET, SOCK_STREAM, 0);
	say("bind to a stranger's address", bind(other, (struct sockaddr *)&a, sizeof(a)));
	say("bind, a short address", bind(other, (struct sockaddr *)&a, 4));
	say("accept without listen", accept(other, NULL, NULL));
	say("listen twice", listen(first, 4));
	say("getpeername of a listener", getpeername(first, (struct sockaddr *)&a, &len));
	say("recv from a listener", recv(first, &on, 1, 0));
	close(other);
	close(fd);
	close(first);
}

static void connect_twice(void)
{
	struct sockaddr_in a = at(peer, ECHO);
	int fd = connect_to(ECHO, 0);

	say("connect of a connected socket", connect(fd, (struct sockaddr *)&a, sizeof(a)));
	say("listen of it", listen(fd, 1));
	close(fd);
	fd = connect_to(ECHO, SOCK_NONBLOCK);
	say_events("poll", poll_for(fd, POLLOUT, 2000));
	say("connect when it stands", connect(fd, (struct sockaddr *)&a, sizeof(a)));
	say_error(fd);
	close(fd);
}

static void client_gone(void)
{
	uint16_t port;
	char buf[16];
	int listener = listen_on(&port), fd;

	ask_for_connection(port, 'h');
	say_events("poll", poll_for(listener, POLLIN | POLLOUT, 2000));
	usleep(300000);
	fd = accept(listener, NULL, NULL);
	say("accept after the client's close", fd < 0 ? -1 : 0);
	say_text("what it left", buf, read(fd, buf, sizeof(buf)));
	say("read at the end", read(fd, buf, sizeof(buf)));
	close(fd);
	ask_for_connection(port, 'r');
	poll_for(listener, POLLIN, 2000);
	usleep(300000);
	fd = accept(listener, NULL, NULL);
	say("accept after the client's reset", fd < 0 ? -1 : 0);
	say("read", read(fd, buf, sizeof(buf)));
	close(fd);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	say("nobody left", accept(listener, NULL, NULL));
	close(listener);
}

static void information(void)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	char buf[16];
	int value = 0, fd = connect_to(ECHO, 0);

	say("write", write(fd, "abc", 3));
	say("read", recv(fd, buf, 3, MSG_WAITALL));
	memset(&info, 0xff, sizeof(info));
	say("TCP_INFO", getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	printf("state %d, retransmits %d, unacked %u, lost %u, ca_state %d\n", info.tcpi_state, info.tcpi_retransmits,
	       info.tcpi_unacked, info.tcpi_lost, info.tcpi_ca_state);
	printf("options: %s%s%s\n", info.tcpi_options & TCPI_OPT_TIMESTAMPS ? "timestamps " : "",
	       info.tcpi_options & TCPI_OPT_SACK ? "sack " : "", info.tcpi_options & TCPI_OPT_WSCALE ? "wscale" : "");
	printf("rtt measured: %d, mss %d, rto at least 200 ms: %d\n", info.tcpi_rtt > 0, info.tcpi_snd_mss > 500,
	       info.tcpi_rto >= 200000);
	len = sizeof(value);
	say("SO_TYPE", getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) < 0 ? -1 : value);
	say("SO_DOMAIN", getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len) < 0 ? -1 : value);
	say("SO_PROTOCOL", getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &len) < 0 ? -1 : value);
	say("SO_ACCEPTCONN", getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) < 0 ? -1 : value);
	say("TCP_NODELAY", getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len) < 0 ? -1 : value);
	say("an unknown option", getsockopt(fd, IPPROTO_TCP, 9999, &value, &len));
	say("setting it", setsockopt(fd, IPPROTO_TCP, 9999, &value, sizeof(value)));
	say("a short value", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, 1));
	close(fd);
}

static void *close_later(void *arg)
{
	usleep(200000);
	shutdown(*(int *)arg, SHUT_RDWR);
	return NULL;
}

static void threads_and_signals(void)
{
	char buf[4];
	pthread_t t;
	int fd = connect_to(ECHO, 0);
	struct timeval tv = {.tv_usec = 200000};

	pthread_create(&t, NULL, close_later, &fd);
	say("recv, shut down by another thread", recv(fd, buf, sizeof(buf), 0));
	pthread_join(t, NULL);
	close(fd);
	fd = connect_to(ECHO, 0);
	say("SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	say("recv with it", recv(fd, buf, sizeof(buf), 0));
	struct sigaction act = {.sa_handler = on_pipe};
	sigaction(SIGALRM, &act, NULL);
	struct timeval none = {0};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	alarm(1);
	say("recv, interrupted", recv(fd, buf, sizeof(buf), 0));
	pid_t child = fork();
	if (child == 0) {
		must(write(fd, "kid", 3) == 3, "write of the child");
		_exit(0);
	}
	waitpid(child, NULL, 0);
	say_text("what a child wrote comes back", buf, recv(fd, buf, 3, MSG_WAITALL));
	int copy = dup(fd);
	close(fd);
	say("write to a copy", write(copy, "x", 1));
	say_text("and read", buf, read(copy, buf, 1));
	close(copy);
	say("write to a closed one", write(copy, "x", 1));
}

static void run(const char *title, void (*scenario)(void))
{
	printf("# %s\n", title);
	scenario();
	fflush(stdout);
}

int main(int argc, char **argv)
{
	own.sin_family = peer.sin_family = AF_INET;
	if (argc != 3 || inet_pton(AF_INET, argv[2], &peer.sin_addr) != 1)
		return 2;
	if (inet_pton(AF_INET, argv[1], &own.sin_addr) != 1)
		return 2;
	struct sigaction act = {.sa_handler = on_pipe, .sa_flags = SA_RESTART};
	sigaction(SIGPIPE, &act, NULL);
	run("refused", refused);
	run("reset while blocked in recv", reset_in_recv);
	run("reset while blocked in send", reset_in_send);
	run("half-close", half_close);
	run("SO_LINGER 0", linger_zero);
	run("peek, wait for all, do not wait", peeking);
	run("edge-triggered epoll", edge_triggered);
	run("datagrams", datagrams);
	run("conflicts", conflicts);
	run("connect twice", connect_twice);
	run("accept after the client has gone", client_gone);
	run("information", information);
	run("threads, signals, children", threads_and_signals);
	return 0;
}
