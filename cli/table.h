/* Verbs that show a table of the daemon's and change its rows: addresses, routes. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "cli.h"
#include <toynet/v1/toynet.pb-c.h>

/* What is done with the table; the words are those of ip(8). */
enum table_action {
	TABLE_LIST,
	TABLE_ADD,
	TABLE_REPLACE,
	TABLE_DELETE,
	TABLE_UNKNOWN,
};

/* A table and how it is shown. */
struct table {
	const char *key;    /* JSON */
	const char *method; /* "/toynet.v1.Service/Method": streams the rows */
	const ProtobufCMessage *request;
	const ProtobufCMessageDescriptor *row;
	const struct column *columns; /* of a row's message */
	size_t count;
};

/* The action that argv[1] names; none: TABLE_LIST. */
enum table_action table_action(int argc, char **argv);
/* toynetctl VERB [list] [-H]: argv as the verb got it. */
enum exit_status table_show(struct cli *c, const struct table *t, int argc, char **argv);
/* A call that changes one row and answers with it. In text nothing is printed, as by ip(8); JSON is a table of this one
 * row. */
enum exit_status table_change(struct cli *c, const struct table *t, const char *method,
                              const ProtobufCMessage *request);

/* A text cell; empty or NULL: none. */
struct value table_text(const char *text);
/* "static", "link", "dhcp". */
struct value table_origin(Toynet__V1__Origin origin);

#endif
