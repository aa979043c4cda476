/* The methods' functions, by service, and the messages that several of them build. Only the table in methods.c calls
 * the functions; see struct rpc_method for what run, produce and event may do. */
#ifndef TOYNET_RPC_METHODS_H
#define TOYNET_RPC_METHODS_H

#include "rpc/call.h"

/* Messages with their memory, for the stack. */
struct address_message {
	Toynet__V1__Address m;
	char ip[IP_ADDR_TEXT_MAX];
};
struct row_message {
	Toynet__V1__SocketRow m;
	struct address_message local, peer;
};

struct match_message {
	Toynet__V1__FlowMatch m;
	char src[PREFIX_TEXT_MAX], dst[PREFIX_TEXT_MAX], host[PREFIX_TEXT_MAX];
};

void address_fill(struct address_message *a, struct endpoint e);
/* An absent address, or an empty ip, is the unspecified one of the family. 0, EINVAL (no such address, or port). */
int address_read(const Toynet__V1__Address *a, uint8_t family, struct endpoint *out);
void row_fill(const struct rpc_server *srv, struct socket *so, struct row_message *row);
/* Of a TCP socket. */
void tcp_info_fill(struct stack *s, const struct socket *so, Toynet__V1__TcpInfo *m);
/* m may be NULL: an empty match. NULL, or what is wrong with it: static text. */
const char *match_read(const Toynet__V1__FlowMatch *m, struct flow_match *to);
void match_fill(struct match_message *to, const struct flow_match *m);
/* May this caller see the socket in a list? */
bool row_visible(const struct rpc_conn *conn, const struct socket *so);

#define RUN(name) void name(struct call *c, const ProtobufCMessage *request, struct socket *so)

/* methods_sockets.c: a socket's life. */
RUN(sockets_open);
RUN(sockets_bind);
RUN(sockets_connect);
void sockets_connect_event(struct call *c, struct socket *so, unsigned events);
RUN(sockets_listen);
RUN(sockets_get_names);
RUN(sockets_check_destination);
RUN(sockets_shutdown);
RUN(sockets_close);
RUN(sockets_linger);
void sockets_linger_event(struct call *c, struct socket *so, unsigned events);
RUN(sockets_prove);
/* methods_options.c */
RUN(sockets_set_option);
RUN(sockets_get_option);
/* methods_show.c: what a control block looks like. */
RUN(sockets_get_resolver);
RUN(sockets_list);
enum produced sockets_list_produce(struct call *c);
RUN(sockets_get);
/* methods_admin.c */
RUN(admin_get_info);
RUN(admin_get_stats);
/* methods_net.c: interfaces, addresses, routes. */
RUN(admin_list);
enum produced admin_list_interfaces_produce(struct call *c);
enum produced admin_list_addresses_produce(struct call *c);
RUN(admin_add_address);
RUN(admin_delete_address);
enum produced admin_list_routes_produce(struct call *c);
RUN(admin_add_route);
RUN(admin_delete_route);
/* methods_neighbors.c */
enum produced admin_list_neighbors_produce(struct call *c);
RUN(admin_add_neighbor);
RUN(admin_delete_neighbor);
/* methods_dhcp.c */
RUN(admin_get_dhcp);
/* methods_impair.c */
RUN(admin_set_impairment);
RUN(admin_get_impairment);
RUN(admin_add_impair_rule);
RUN(admin_delete_impair_rule);
/* methods_config.c */
RUN(admin_get_config);
RUN(admin_set_config);
/* methods_capture.c */
RUN(admin_capture);
enum produced admin_capture_produce(struct call *c);
void admin_capture_closed(struct call *c);
/* methods_health.c */
RUN(health_check);
RUN(health_watch);
enum produced health_watch_produce(struct call *c);

#undef RUN

#endif
