/* The owner of a flow, for links below that match or comment frames by socket. It is whoever input would find: the
 * connected socket, else the one that is bound to the port. */
#include "socket/socket_internal.h"
#include "stack/stack.h"

static struct pcb *find(const struct pcb_table *t, struct endpoint local, struct endpoint remote, bool listening_only)
{
	struct pcb *p = pcb_lookup_tuple(t, local, remote);

	return p ? p : pcb_lookup_port(t, local, remote, listening_only);
}

static void fill(const struct socket *so, struct flow_owner *owner)
{
	*owner = (struct flow_owner){
	        .socket = so->id,
	        .pid = so->pid,
	        .state = (uint8_t)socket_state(so),
	        .tcp = so->protocol == SOCKET_TCP,
	};
}

void stack_flow_owner(void *stack, const struct flow *f, enum link_way way, struct flow_owner *owner)
{
	struct stack *s = stack;
	struct endpoint local = way == LINK_IN ? f->dst : f->src, remote = way == LINK_IN ? f->src : f->dst;
	struct pcb *p = NULL;

	if (f->protocol == IP_PROTO_TCP && (p = find(&s->tcp.pcbs, local, remote, true)))
		fill(socket_of_tcp(container_of(p, struct tcp, pcb)), owner);
	else if (f->protocol == IP_PROTO_UDP && (p = find(&s->dgram.udp, local, remote, false)))
		fill(socket_of_dgram(container_of(p, struct dgram, pcb)), owner);
}
