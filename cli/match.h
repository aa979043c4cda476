/* Matches of flows on the command line, for the verbs that take one: words such as "port 80", "src 192.0.2.0/24". */
#ifndef CLI_MATCH_H
#define CLI_MATCH_H

#include "cli.h"
#include <toynet/v1/toynet.pb-c.h>

/* For --help of a verb. */
#define MATCH_HELP                                                                        \
	"  host A          source or destination address is A, or in it (192.0.2.0/24)\n" \
	"  src A, dst A    the same of the source, of the destination\n"                  \
	"  port N          source or destination port is N\n"                             \
	"  sport N, dport N\n"                                                            \
	"  proto P         tcp, udp, icmp, or a number\n"                                 \
	"  socket ID       the socket that the frame is for, or comes from\n"

/* Takes the word argv[*i] and its operand into m, when it is one of a match; the texts stay in argv. *taken tells
 * whether it was. verb is for messages. */
enum exit_status match_take(const char *verb, Toynet__V1__FlowMatch *m, int argc, char **argv, int *i, bool *taken);

#define MATCH_TEXT_MAX 256

/* The words of m; "any" when there are none. */
void match_text(const Toynet__V1__FlowMatch *m, char to[MATCH_TEXT_MAX]);

#endif
