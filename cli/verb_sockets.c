/* toynetctl sockets: one row for each socket, with its holders.
 *
 * Theory of operation. The rows are collected first, then /proc is walked once for all of them, then they are rendered:
 * so the holders are as fresh as the rows, and a thousand sockets cost one walk. */
#include "cli.h"
#include "row.h"
#include <stdlib.h>
#include <string.h>

struct listing {
	struct row *rows;
	size_t count, capacity;
	bool tcp, udp, icmp, raw, listening; /* wanted */
};

static void take(void *ctx, const ProtobufCMessage *message)
{
	struct listing *l = ctx;
	const Toynet__V1__SocketRow *m = (const Toynet__V1__SocketRow *)message;

	if ((m->protocol == TOYNET__V1__PROTOCOL__PROTOCOL_TCP && !l->tcp) ||
	    (m->protocol == TOYNET__V1__PROTOCOL__PROTOCOL_UDP && !l->udp) ||
	    (m->protocol == TOYNET__V1__PROTOCOL__PROTOCOL_PING && !l->icmp) ||
	    (m->protocol == TOYNET__V1__PROTOCOL__PROTOCOL_RAW && !l->raw) ||
	    (l->listening && m->state != TOYNET__V1__STATE__STATE_LISTEN))
		return;
	if (l->count == l->capacity) {
		l->capacity = 2 * l->capacity + 64;
		l->rows = cli_realloc(l->rows, l->capacity, sizeof(*l->rows));
	}
	row_init(&l->rows[l->count++], m);
}

static void find_holders(struct listing *l)
{
	struct holders *h = cli_alloc(l->count + 1, sizeof(*h));

	for (size_t i = 0; i < l->count; i++)
		h[i] = l->rows[i].holders;
	holders_find(h, l->count);
	for (size_t i = 0; i < l->count; i++)
		l->rows[i].holders = h[i];
	free(h);
}

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	Toynet__V1__ListRequest request = TOYNET__V1__LIST_REQUEST__INIT;
	struct listing l = {0};
	bool titles = true;
	enum exit_status status;
	struct renderer *r;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-t") == 0 || strcmp(argv[i], "--tcp") == 0)
			l.tcp = true;
		else if (strcmp(argv[i], "-u") == 0 || strcmp(argv[i], "--udp") == 0)
			l.udp = true;
		else if (strcmp(argv[i], "--icmp") == 0)
			l.icmp = true;
		else if (strcmp(argv[i], "-w") == 0 || strcmp(argv[i], "--raw") == 0)
			l.raw = true;
		else if (strcmp(argv[i], "-l") == 0 || strcmp(argv[i], "--listening") == 0)
			l.listening = true;
		else if (strcmp(argv[i], "-H") == 0 || strcmp(argv[i], "--no-header") == 0)
			titles = false;
		else
			return cli_usage(argv[0], "unknown argument '%s'", argv[i]);
	}
	if (!l.tcp && !l.udp && !l.icmp && !l.raw)
		l.tcp = l.udp = l.icmp = l.raw = true;
	status = cli_stream(c, "/toynet.v1.Sockets/List", &request.base, &toynet__v1__socket_row__descriptor, take, &l);
	if (status == EXIT_OK) {
		find_holders(&l);
		r = render_new(c->json, stdout);
		render_table_begin(r, "sockets", titles, row_columns, row_column_count);
		for (size_t i = 0; i < l.count; i++)
			render_row(r, &l.rows[i]);
		render_table_end(r);
		render_end(r);
	}
	for (size_t i = 0; i < l.count; i++)
		holders_free(&l.rows[i].holders, 1);
	free(l.rows);
	return status;
}

const struct verb verb_sockets = {
        .name = "sockets",
        .summary = "every socket: state, queues, addresses, and the processes that hold it",
        .help = "Usage: toynetctl sockets [-t] [-u] [--icmp] [-w] [-l] [-H] [--json]\n"
                "One row for each socket that you may see: all of them for root and the group toynet, else your own.\n"
                "  -t, --tcp        TCP sockets only\n"
                "  -u, --udp        UDP sockets only\n"
                "      --icmp       ping sockets only\n"
                "  -w, --raw        raw sockets only, whose port is the protocol\n"
                "  -l, --listening  listeners only\n"
                "  -H, --no-header  without the line of titles\n"
                "Recv-Q and Send-Q are bytes; of a listener, connections that wait for accept, and its backlog.\n"
                "Process lists every descriptor of the socket in every process that you may look into; a socket\n"
                "without any is an orphan, which the stack brings to its end.\n",
        .run = run,
};
