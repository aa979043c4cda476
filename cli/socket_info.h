/* Columns over a Toynet__V1__TcpInfo. */
#ifndef CLI_SOCKET_INFO_H
#define CLI_SOCKET_INFO_H

#include "render.h"

extern const struct column socket_info_columns[];
extern const size_t socket_info_column_count;

#endif
