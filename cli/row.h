/* A socket's row: what sockets and socket have in common. */
#ifndef CLI_ROW_H
#define CLI_ROW_H

#include "holders.h"
#include <toynet/v1/toynet.pb-c.h>

#define ROW_IP_MAX 64

/* What the columns read. */
struct row {
	uint64_t id, cookie, recv_q, send_q, age_ms;
	Toynet__V1__Protocol protocol;
	uint32_t family; /* 4 or 6 */
	Toynet__V1__State state;
	char local_ip[ROW_IP_MAX], peer_ip[ROW_IP_MAX];
	uint32_t local_port, peer_port, uid, creator_pid;
	bool owned;
	struct holders holders;
};

/* Fills row from the message; the holders have to be found. */
void row_init(struct row *row, const Toynet__V1__SocketRow *m);

/* The columns of a table, and the same facts for a record of one socket. */
extern const struct column row_columns[];
extern const size_t row_column_count;

#endif
