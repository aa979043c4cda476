/* Configuration: one table of keys that serves the command line (--key value, --key=value) and the file (key = value),
 * and prints --help. The command line goes before the file.
 *
 * A value is parsed once, here, into the struct that the daemon runs with; what is wrong is one line that names the
 * file and line, or the command line, the key, the value, and what is allowed. */
#ifndef TOYNET_HOST_CONFIG_H
#define TOYNET_HOST_CONFIG_H

#include "base/addr.h"
#include "rpc/rpc.h"
#include <net/if.h>
#include <stdio.h>

#define CONFIG_ERROR_MAX 512
#define CONFIG_NAME_MAX  32
#define CONFIG_PATH_MAX  108 /* sun_path */
#define CONFIG_FILE_MAX  128
#define CONFIG_VALUE_MAX 1280 /* as text: a list of routes is the longest */
#define CONFIG_LIST_MAX  16   /* items of a key that takes a list */

/* Lists. open: the next mention of the key adds to it; else it begins anew. */
struct config_addresses {
	struct ip_prefix list[CONFIG_LIST_MAX]; /* the first is the primary one */
	uint8_t count;
	bool open;
};
struct config_routes {
	struct ip_route list[CONFIG_LIST_MAX];
	uint8_t count;
	bool open;
};
struct config_neighbor {
	struct ip_addr addr;
	struct mac_addr mac;
};
struct config_neighbors {
	struct config_neighbor list[CONFIG_LIST_MAX];
	uint8_t count;
	bool open;
};
struct config_servers {
	struct endpoint list[RPC_RESOLVER_SERVERS_MAX]; /* port 0: 53 */
	uint8_t count;
	bool open;
};
struct config_domains {
	char list[RPC_RESOLVER_SEARCH_MAX][RPC_DOMAIN_MAX];
	uint8_t count;
	bool open;
};

struct config {
	char interface[IFNAMSIZ];
	struct config_addresses address; /* one at least */
	struct ip_addr gateway;
	struct config_routes route; /* besides that of gateway */
	struct config_neighbors neighbor;
	struct config_servers dns;    /* of the resolver */
	struct config_domains search; /* the same */
	struct mac_addr mac;          /* all zero: derived from the interface's */
	uint32_t mtu;                 /* 0: the interface's */
	struct ip_prefix host_address;
	char socket_path[CONFIG_PATH_MAX];
	uint32_t socket_mode;
	char user[CONFIG_NAME_MAX], group[CONFIG_NAME_MAX];
	struct stack_config stack; /* all but ip */
	struct impair_config impair;
	char capture[CONFIG_FILE_MAX]; /* path of the file; empty: none */
	uint32_t capture_snap_length;  /* 0: whole frames */
};

enum config_verdict {
	CONFIG_RUN,
	CONFIG_DONE,  /* --help, --version or --check-config was answered on `out` */
	CONFIG_ERROR, /* why is set */
};

void config_defaults(struct config *c);
/* Reads the command line, and the file that it names. */
enum config_verdict config_read(struct config *c, int argc, char *const argv[], FILE *out, char why[CONFIG_ERROR_MAX]);
/* Reads a file over what is in c. False: why is set. */
bool config_read_file(struct config *c, const char *path, char why[CONFIG_ERROR_MAX]);
/* The same from an open stream; `name` stands for it in messages. */
bool config_read_stream(struct config *c, FILE *f, const char *name, char why[CONFIG_ERROR_MAX]);
/* Changes one key of a running daemon's configuration; the caller checks and applies it. EINVAL: why is set. */
int config_change(struct config *c, const char *name, const char *value, char why[CONFIG_ERROR_MAX]);
/* Do the values fit together? False: why is set. */
bool config_check(const struct config *c, char why[CONFIG_ERROR_MAX]);
void config_help(FILE *out);

#endif
