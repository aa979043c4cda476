/* The keys whose value is a list: addresses, routes, neighbours, name servers, domains. For config.c and config_keys.c.
 */
#ifndef TOYNET_HOST_CONFIG_LIST_H
#define TOYNET_HOST_CONFIG_LIST_H

#include "host/config.h"

#define ROUTE_TEXT_MAX 96

/* Reads the items of text, with commas between, into *to: behind those that are there when the list is open, else in
 * their place. The list is open afterwards. False: not understood, or more than CONFIG_LIST_MAX together; *to is as it
 * was. */
bool config_addresses_parse(const char *text, struct config_addresses *to);
bool config_routes_parse(const char *text, struct config_routes *to);
bool config_neighbors_parse(const char *text, struct config_neighbors *to);
bool config_servers_parse(const char *text, struct config_servers *to);
bool config_domains_parse(const char *text, struct config_domains *to);
/* Writes a list as the parsers read it. */
void config_addresses_format(const struct config_addresses *l, char text[CONFIG_VALUE_MAX]);
void config_routes_format(const struct config_routes *l, char text[CONFIG_VALUE_MAX]);
void config_neighbors_format(const struct config_neighbors *l, char text[CONFIG_VALUE_MAX]);
void config_servers_format(const struct config_servers *l, char text[CONFIG_VALUE_MAX]);
void config_domains_format(const struct config_domains *l, char text[CONFIG_VALUE_MAX]);
/* From here on a mention of such a key begins a new list. */
void config_lists_close(struct config *c);
/* Returns buf: "10.5.0.0/16 via 10.0.0.9 metric 10". */
char *config_route_format(const struct ip_route *r, char buf[ROUTE_TEXT_MAX]);
/* Do addresses, gateway, routes and neighbours fit together? False: why is set. */
bool config_lists_check(const struct config *c, char why[CONFIG_ERROR_MAX]);

#endif
