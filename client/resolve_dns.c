/* Names to addresses, by c-ares over toynet's own sockets.
 *
 * Theory of operation. A name is looked for in this order: localhost (RFC 6761 6.3), the hosts file, the cache, DNS. A
 * lookup in DNS has a channel of its own, so that threads do not wait for each other and every query leaves from a
 * fresh port; A and AAAA are asked for at once. The servers and the search list are the daemon's (its configuration, or
 * what DHCP gave); where it has none, those of /etc/resolv.conf. c-ares does EDNS, the fallback to TCP, the search list
 * and the retries; it is told to leave the order of addresses alone. Answers are parsed by c-ares; of what it does not
 * parse, the SOA of a negative answer, by resolve_negative_ttl. */
#include "resolve.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SEND_MAX     4096 /* a query of c-ares: far less */
#define EDNS_SIZE    1232 /* bytes that a UDP answer may have (DNS flag day 2020) */
#define TRY_MS       2000 /* for the first try; c-ares doubles it */
#define TRIES        3
#define SERVERS_TEXT 512
#define SEARCH_MAX   6

struct query {
	struct lookup *lookup;
	int family;
	int status; /* ARES_* */
	uint32_t ttl_s;
	struct resolve_answer answer;
};

struct lookup {
	struct query query[2];
	int pending;
};

/* The socket functions that c-ares calls. Errors are in errno, as it expects. */

static ares_socket_t dns_socket(int domain, int type, int protocol, void *ctx)
{
	(void)ctx;
	return toynet_socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int dns_close(ares_socket_t fd, void *ctx)
{
	(void)ctx;
	return SYS(close)(fd);
}

static int dns_connect(ares_socket_t fd, const struct sockaddr *addr, ares_socklen_t len, void *ctx)
{
	(void)ctx;
	return toynet_connect(fd, addr, len);
}

static ares_ssize_t dns_recvfrom(ares_socket_t fd, void *buf, size_t len, int flags, struct sockaddr *from,
                                 ares_socklen_t *from_len, void *ctx)
{
	(void)ctx;
	return toynet_recvfrom(fd, buf, len, flags, from, from_len);
}

static ares_ssize_t dns_sendv(ares_socket_t fd, const struct iovec *iov, int n, void *ctx)
{
	uint8_t bytes[SEND_MAX];
	size_t len = 0;

	(void)ctx;
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > sizeof(bytes) - len) {
			errno = EMSGSIZE;
			return -1;
		}
		memcpy(bytes + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	return toynet_send(fd, bytes, len, MSG_NOSIGNAL);
}

static const struct ares_socket_functions dns_functions = {
        .asocket = dns_socket,
        .aclose = dns_close,
        .aconnect = dns_connect,
        .arecvfrom = dns_recvfrom,
        .asendv = dns_sendv,
};

static int eai_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENOTFOUND:
	case ARES_EBADNAME:
		return EAI_NONAME;
	case ARES_ENODATA:
		return EAI_NODATA;
	case ARES_ENOMEM:
		return EAI_MEMORY;
	case ARES_ETIMEOUT:
	case ARES_ECANCELLED:
	case ARES_ESERVFAIL:
	case ARES_ECONNREFUSED:
		return EAI_AGAIN;
	default:
		return EAI_FAIL;
	}
}

/* The servers of the daemon's configuration as c-ares takes them; empty: it has none. */
static bool daemon_servers(const toynet_v1_Resolver *r, char text[SERVERS_TEXT])
{
	size_t len = 0;

	text[0] = 0;
	for (pb_size_t i = 0; i < r->servers_count; i++) {
		int n = snprintf(text + len, SERVERS_TEXT - len, "%s%s:%u", len ? "," : "", r->servers[i].ip,
		                 r->servers[i].port ? (unsigned)r->servers[i].port : (unsigned)NAMESERVER_PORT);
		if (n < 0 || (size_t)n >= SERVERS_TEXT - len)
			return false;
		len += (size_t)n;
	}
	return true;
}

static int ask_daemon(toynet_v1_Resolver *r)
{
	const toynet_v1_GetResolverRequest request = toynet_v1_GetResolverRequest_init_zero;

	*r = (toynet_v1_Resolver)toynet_v1_Resolver_init_zero;
	return client_rpc(&(struct client_call){
	        .method = "GetResolver",
	        .request_type = toynet_v1_GetResolverRequest_fields,
	        .request = &request,
	        .response_type = toynet_v1_Resolver_fields,
	        .response = r,
	});
}

ares_channel resolve_channel(int64_t deadline_ms, int *error)
{
	char servers[SERVERS_TEXT], *search[SEARCH_MAX];
	toynet_v1_Resolver r;
	ares_channel channel;
	int64_t left = deadline_ms - client_now_ms();
	struct ares_options o = {
	        .flags = ARES_FLAG_EDNS,
	        .ednspsz = EDNS_SIZE,
	        .timeout = left < TRY_MS ? (left > 0 ? (int)left : 1) : TRY_MS,
	        .tries = TRIES,
	        .domains = search,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;

	*error = EAI_SYSTEM;
	if (ask_daemon(&r) < 0)
		return NULL;
	if (!daemon_servers(&r, servers)) {
		client_fail(EPROTO, "resolve: toynetd names too many servers");
		return NULL;
	}
	for (pb_size_t i = 0; i < r.search_count && i < SEARCH_MAX; i++)
		search[o.ndomains++] = r.search[i];
	/* With servers of its own the daemon also decides about the search list. */
	if (servers[0])
		mask |= ARES_OPT_DOMAINS;
	int status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS)
		status = ares_init_options(&channel, &o, mask);
	if (status == ARES_SUCCESS && servers[0]) {
		status = ares_set_servers_ports_csv(channel, servers);
		if (status != ARES_SUCCESS)
			ares_destroy(channel);
	}
	if (status != ARES_SUCCESS) {
		*error = status == ARES_ENOMEM ? EAI_MEMORY : EAI_FAIL;
		client_fail(EINVAL, "resolve: c-ares does not start: %s", ares_strerror(status));
		return NULL;
	}
	ares_set_socket_functions(channel, &dns_functions, NULL);
	return channel;
}

/* One wait, at most until the deadline; then what c-ares has to do. */
static void run_once(ares_channel channel, int64_t left_ms)
{
	ares_socket_t fds[ARES_GETSOCK_MAXNUM];
	struct pollfd p[ARES_GETSOCK_MAXNUM];
	struct timeval most = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000}, tv, *wait;
	const unsigned bits = (unsigned)ares_getsock(channel, fds, ARES_GETSOCK_MAXNUM);
	nfds_t n = 0;

	/* As ARES_GETSOCK_READABLE and ARES_GETSOCK_WRITABLE, which shift into the sign. */
	for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = (short)((bits & 1u << i ? POLLIN : 0) |
		                       (bits & 1u << (i + ARES_GETSOCK_MAXNUM) ? POLLOUT : 0));
		if (events)
			p[n++] = (struct pollfd){.fd = fds[i], .events = events};
	}
	wait = ares_timeout(channel, &most, &tv);
	if (poll(p, n, (int)(wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000)) <= 0) {
		ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		return;
	}
	for (nfds_t i = 0; i < n; i++) {
		const short r = p[i].revents, ended = POLLERR | POLLHUP;
		if (r)
			ares_process_fd(channel, r & (POLLIN | ended) ? p[i].fd : ARES_SOCKET_BAD,
			                r & POLLOUT ? p[i].fd : ARES_SOCKET_BAD);
	}
}

void resolve_run(ares_channel channel, const int *pending, int64_t deadline_ms)
{
	while (*pending > 0) {
		int64_t left = deadline_ms - client_now_ms();
		if (left <= 0)
			break;
		run_once(channel, left);
	}
	ares_cancel(channel);
}

/* What is left of a message. */
struct dns_reader {
	const uint8_t *p;
	size_t len;
	bool bad;
};

static const uint8_t *take(struct dns_reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (n > r->len) {
		r->bad = true;
		r->len = 0;
		return NULL;
	}
	r->p += n;
	r->len -= n;
	return p;
}

static uint32_t take_number(struct dns_reader *r, size_t bytes)
{
	const uint8_t *p = take(r, bytes);
	uint32_t v = 0;

	for (size_t i = 0; p && i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

/* RFC 1035 4.1.4: a pointer ends a name. */
static void skip_name(struct dns_reader *r)
{
	for (;;) {
		const uint8_t *label = take(r, 1);
		if (!label || *label == 0)
			return;
		if ((*label & NS_CMPRSFLGS) == NS_CMPRSFLGS) {
			take(r, 1);
			return;
		}
		if (*label & NS_CMPRSFLGS)
			r->bad = true;
		if (r->bad || !take(r, *label))
			return;
	}
}

/* RFC 2308 5: the lesser of the SOA's TTL and its MINIMUM, the last field. */
uint32_t resolve_negative_ttl(const uint8_t *message, size_t len)
{
	struct dns_reader r = {message, len, false};

	take(&r, 4);
	uint32_t questions = take_number(&r, 2), answers = take_number(&r, 2), authorities = take_number(&r, 2);
	take(&r, 2);
	for (uint32_t i = 0; i < questions && !r.bad; i++) {
		skip_name(&r);
		take(&r, 4);
	}
	for (uint32_t i = 0; i < answers + authorities && !r.bad; i++) {
		skip_name(&r);
		uint32_t type = take_number(&r, 2);
		take(&r, 2);
		uint32_t ttl = take_number(&r, 4), data_len = take_number(&r, 2);
		struct dns_reader data = {take(&r, data_len), data_len, false};
		if (r.bad || i < answers || type != ns_t_soa || data_len < 5 * NS_INT32SZ)
			continue;
		take(&data, data_len - NS_INT32SZ);
		uint32_t minimum = take_number(&data, NS_INT32SZ);
		return ttl < minimum ? ttl : minimum;
	}
	return 0;
}

static void keep_canonical(struct resolve_answer *a, const char *name)
{
	if (name)
		snprintf(a->canonical, sizeof(a->canonical), "%s", name);
}

static int parse_a(const uint8_t *message, int len, struct query *q)
{
	struct ares_addrttl row[RESOLVE_ADDRESSES_MAX];
	struct hostent *host = NULL;
	int n = RESOLVE_ADDRESSES_MAX, status = ares_parse_a_reply(message, len, &host, row, &n);

	for (int i = 0; status == ARES_SUCCESS && i < n; i++) {
		memcpy(q->answer.address[q->answer.count++].b, &row[i].ipaddr, 4);
		q->ttl_s = i == 0 || (uint32_t)row[i].ttl < q->ttl_s ? (uint32_t)row[i].ttl : q->ttl_s;
	}
	if (status == ARES_SUCCESS)
		keep_canonical(&q->answer, host->h_name);
	if (host)
		ares_free_hostent(host);
	return status;
}

static int parse_aaaa(const uint8_t *message, int len, struct query *q)
{
	struct ares_addr6ttl row[RESOLVE_ADDRESSES_MAX];
	struct hostent *host = NULL;
	int n = RESOLVE_ADDRESSES_MAX, status = ares_parse_aaaa_reply(message, len, &host, row, &n);

	for (int i = 0; status == ARES_SUCCESS && i < n; i++) {
		memcpy(q->answer.address[q->answer.count++].b, &row[i].ip6addr, 16);
		q->ttl_s = i == 0 || (uint32_t)row[i].ttl < q->ttl_s ? (uint32_t)row[i].ttl : q->ttl_s;
	}
	if (status == ARES_SUCCESS)
		keep_canonical(&q->answer, host->h_name);
	if (host)
		ares_free_hostent(host);
	return status;
}

static void answered(void *ctx, int status, int timeouts, unsigned char *message, int len)
{
	struct query *q = ctx;

	(void)timeouts;
	q->lookup->pending--;
	if (status == ARES_SUCCESS)
		status = q->family == AF_INET ? parse_a(message, len, q) : parse_aaaa(message, len, q);
	q->status = status;
	q->answer.error = eai_of(status);
	if ((q->answer.error == EAI_NONAME || q->answer.error == EAI_NODATA) && message && len > 0)
		q->ttl_s = resolve_negative_ttl(message, (size_t)len);
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), e = strlen(end);

	return n >= e && strcasecmp(name + n - e, end) == 0;
}

/* RFC 6761 6.3: these names never leave the host. */
static bool is_localhost(const char *name)
{
	return strcasecmp(name, "localhost") == 0 || strcasecmp(name, "localhost.") == 0 ||
	       ends_with(name, ".localhost") || ends_with(name, ".localhost.");
}

static void answer_localhost(const char *name, const bool wanted[2], struct resolve_answer answer[2])
{
	static const uint8_t four[4] = {127, 0, 0, 1};

	for (int i = 0; i < 2; i++) {
		answer[i] = (struct resolve_answer){.error = EAI_NODATA};
		keep_canonical(&answer[i], name);
	}
	if (!wanted[0])
		return;
	answer[0].error = 0;
	answer[0].count = 1;
	memcpy(answer[0].address[0].b, four, sizeof(four));
}

/* True: the hosts file has the name in one of the families at least. */
static bool from_hosts(ares_channel channel, const char *name, const bool wanted[2], struct resolve_answer answer[2])
{
	static const int family[2] = {AF_INET, AF_INET6};
	static const size_t len[2] = {4, 16};
	bool found = false;

	for (int i = 0; i < 2; i++) {
		struct hostent *host = NULL;
		answer[i] = (struct resolve_answer){.error = EAI_NODATA};
		if (!wanted[i] || ares_gethostbyname_file(channel, name, family[i], &host) != ARES_SUCCESS)
			continue;
		for (char **a = host->h_addr_list; *a && answer[i].count < RESOLVE_ADDRESSES_MAX; a++)
			memcpy(answer[i].address[answer[i].count++].b, *a, len[i]);
		keep_canonical(&answer[i], host->h_name);
		answer[i].error = answer[i].count ? 0 : EAI_NODATA;
		found = found || answer[i].count;
		ares_free_hostent(host);
	}
	return found;
}

static void tell(const char *name, const struct lookup *l, const bool wanted[2])
{
	const struct query *q = &l->query[wanted[0] ? 0 : 1];

	client_fail(EHOSTUNREACH, "resolve %s: %s", name,
	            q->status == ARES_ECANCELLED ? "no answer from a name server in time" : ares_strerror(q->status));
}

/* Whether the answers are of use. */
static bool judge(const char *name, const struct lookup *l, const bool wanted[2], int *error)
{
	int worst = 0;

	for (int i = 0; i < 2; i++) {
		if (!wanted[i])
			continue;
		if (l->query[i].answer.error == 0)
			return true;
		/* Of a name that one family has not, and of which the other could not be asked, nothing is known. */
		if (worst == 0 || worst == EAI_NODATA || l->query[i].answer.error == EAI_AGAIN)
			worst = l->query[i].answer.error;
	}
	*error = worst;
	tell(name, l, wanted);
	return false;
}

static void ask_dns(ares_channel channel, const char *name, const bool wanted[2], int64_t deadline_ms, struct lookup *l)
{
	static const int family[2] = {AF_INET, AF_INET6}, type[2] = {ns_t_a, ns_t_aaaa};
	bool asked[2] = {false, false};

	for (int i = 0; i < 2; i++) {
		struct query *q = &l->query[i];
		*q = (struct query){.lookup = l, .family = family[i]};
		if (!wanted[i])
			continue;
		if (resolve_cache_find(name, family[i], &q->answer)) {
			q->status = q->answer.error == EAI_NONAME ? ARES_ENOTFOUND : ARES_ENODATA;
			continue;
		}
		asked[i] = true;
		l->pending++;
	}
	/* Counted first: an answer may come at once. */
	for (int i = 0; i < 2; i++)
		if (asked[i])
			ares_search(channel, name, ns_c_in, type[i], answered, &l->query[i]);
	resolve_run(channel, &l->pending, deadline_ms);
	for (int i = 0; i < 2; i++)
		if (asked[i])
			resolve_cache_store(name, family[i], &l->query[i].answer, l->query[i].ttl_s);
}

bool resolve_name(const char *name, const bool wanted[2], int64_t deadline_ms, struct resolve_answer answer[2],
                  int *error)
{
	struct lookup l = {.pending = 0};

	if (strlen(name) > RESOLVE_NAME_MAX || !name[0]) {
		*error = EAI_NONAME;
		client_fail(ENAMETOOLONG, "resolve: a name has 1 to %d characters", RESOLVE_NAME_MAX);
		return false;
	}
	if (is_localhost(name)) {
		answer_localhost(name, wanted, answer);
		return true;
	}
	ares_channel channel = resolve_channel(deadline_ms, error);
	if (!channel)
		return false;
	bool found = from_hosts(channel, name, wanted, answer);
	if (!found) {
		ask_dns(channel, name, wanted, deadline_ms, &l);
		found = judge(name, &l, wanted, error);
		answer[0] = l.query[0].answer;
		answer[1] = l.query[1].answer;
	}
	ares_destroy(channel);
	return found;
}
