/* toynetctl: the administrator's view and levers.
 *
 * Theory of operation. main.c looks a verb up in a constant table and gives it the rest of the command line; each verb
 * is a file of its own (verb_*.c). A verb asks the daemon through rpc.h, arranges the answer as rows and columns
 * (constant tables of struct column), and hands them to a renderer (render.h), which is text or JSON and knows no verb.
 * Nothing is kept between runs, and the daemon is changed only by the verbs that say so. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "render.h"
#include "rpc.h"
#include <stdbool.h>
#include <stddef.h>

/* Exit statuses, as documented in toynetctl(1). */
enum exit_status {
	EXIT_OK = 0,
	EXIT_CALL = 1,      /* the daemon refused the call, or it failed */
	EXIT_USAGE = 2,     /* the command line makes no sense */
	EXIT_NO_DAEMON = 3, /* nobody answers at the control socket */
};

/* What a verb gets. */
struct cli {
	const char *socket_path;
	bool json;
	struct rpc *rpc; /* NULL before cli_connect */
};

struct verb {
	const char *name;
	const char *summary; /* for toynetctl --help */
	const char *help;    /* for toynetctl VERB --help */
	enum exit_status (*run)(struct cli *c, int argc,
	                        char **argv); /* argv[0] is the verb; common options are gone */
};

extern const struct verb verb_sockets, verb_socket, verb_stats, verb_interfaces, verb_addresses, verb_routes,
        verb_neighbors, verb_impair, verb_capture, verb_config, verb_resolve, verb_info, verb_dhcp, verb_version;

/* Prints "toynetctl VERB: message" and a hint at --help; returns EXIT_USAGE. */
enum exit_status cli_usage(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints "toynetctl: message"; returns status. */
enum exit_status cli_fail(enum exit_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Connects to the daemon once; EXIT_NO_DAEMON, after a line that says what to do. */
enum exit_status cli_connect(struct cli *c);
/* One call with one answer. request may be freed afterwards. On EXIT_OK *answer is a message of the given type, to be
 * freed with protobuf_c_message_free_unpacked; on any other status the error was printed. */
enum exit_status cli_call(struct cli *c, const char *method, const ProtobufCMessage *request,
                          const ProtobufCMessageDescriptor *type, ProtobufCMessage **answer);
/* A call whose answers come one by one; each(ctx, message) is lent the message for the call. */
enum exit_status cli_stream(struct cli *c, const char *method, const ProtobufCMessage *request,
                            const ProtobufCMessageDescriptor *type,
                            void (*each)(void *ctx, const ProtobufCMessage *message), void *ctx);
/* Allocates or ends the program with a message. */
void *cli_alloc(size_t n, size_t size);
void *cli_realloc(void *p, size_t n, size_t size);

#endif
