/* Every method that the server has, as constant data: who may call it, what it takes, what it does. */
#include "rpc/methods.h"
#include "grpc/health/v1/health.pb-c.h"

#define SOCKETS(name) "/toynet.v1.Sockets/" name
#define ADMIN(name)   "/toynet.v1.Admin/" name
#define HEALTH(name)  "/grpc.health.v1.Health/" name

#define NAMED_BY(type) offsetof(Toynet__V1__##type, socket)
/* The request is a SocketRef. */
#define IS_REF 0

const struct rpc_method rpc_methods[] = {
        {
                .path = SOCKETS("Open"),
                .permission = PERMIT_ANYONE,
                .fd = FD_ANSWERED,
                .socket = RPC_NO_SOCKET,
                .request = &toynet__v1__open_request__descriptor,
                .run = sockets_open,
        },
        {
                .path = SOCKETS("Bind"),
                .permission = PERMIT_POSSESSOR,
                .socket = NAMED_BY(BindRequest),
                .request = &toynet__v1__bind_request__descriptor,
                .run = sockets_bind,
        },
        {
                .path = SOCKETS("Connect"),
                .permission = PERMIT_POSSESSOR,
                .socket = NAMED_BY(ConnectRequest),
                .request = &toynet__v1__connect_request__descriptor,
                .run = sockets_connect,
                .event = sockets_connect_event,
        },
        {
                .path = SOCKETS("Listen"),
                .permission = PERMIT_POSSESSOR,
                .socket = NAMED_BY(ListenRequest),
                .request = &toynet__v1__listen_request__descriptor,
                .run = sockets_listen,
        },
        {
                .path = SOCKETS("GetNames"),
                .permission = PERMIT_POSSESSOR,
                .socket = IS_REF,
                .request = &toynet__v1__socket_ref__descriptor,
                .run = sockets_get_names,
        },
        {
                .path = SOCKETS("CheckDestination"),
                .permission = PERMIT_POSSESSOR,
                .socket = NAMED_BY(CheckDestinationRequest),
                .request = &toynet__v1__check_destination_request__descriptor,
                .run = sockets_check_destination,
        },
        {
                .path = SOCKETS("SetOption"),
                .permission = PERMIT_POSSESSOR,
                .sync = true,
                .socket = NAMED_BY(SetOptionRequest),
                .request = &toynet__v1__set_option_request__descriptor,
                .run = sockets_set_option,
        },
        {
                .path = SOCKETS("GetOption"),
                .permission = PERMIT_POSSESSOR,
                .sync = true,
                .socket = NAMED_BY(GetOptionRequest),
                .request = &toynet__v1__get_option_request__descriptor,
                .run = sockets_get_option,
        },
        {
                .path = SOCKETS("Shutdown"),
                .permission = PERMIT_POSSESSOR,
                .sync = true,
                .socket = NAMED_BY(ShutdownRequest),
                .request = &toynet__v1__shutdown_request__descriptor,
                .run = sockets_shutdown,
        },
        {
                .path = SOCKETS("Close"),
                .permission = PERMIT_OWNER,
                .sync = true,
                .socket = NAMED_BY(CloseRequest),
                .request = &toynet__v1__close_request__descriptor,
                .run = sockets_close,
        },
        {
                .path = SOCKETS("Linger"),
                .permission = PERMIT_POSSESSOR,
                .socket = NAMED_BY(LingerRequest),
                .request = &toynet__v1__linger_request__descriptor,
                .run = sockets_linger,
                .event = sockets_linger_event,
        },
        {
                .path = SOCKETS("Prove"),
                .permission = PERMIT_ANYONE,
                .fd = FD_RECEIVED,
                .socket = IS_REF,
                .request = &toynet__v1__socket_ref__descriptor,
                .run = sockets_prove,
        },
        {
                .path = SOCKETS("List"),
                .permission = PERMIT_ANYONE,
                .socket = RPC_NO_SOCKET,
                .request = &toynet__v1__list_request__descriptor,
                .run = sockets_list,
                .produce = sockets_list_produce,
        },
        {
                .path = SOCKETS("Get"),
                .permission = PERMIT_VIEWER,
                .socket = IS_REF,
                .request = &toynet__v1__socket_ref__descriptor,
                .run = sockets_get,
        },
        {
                .path = ADMIN("GetInfo"),
                .permission = PERMIT_ANYONE,
                .socket = RPC_NO_SOCKET,
                .request = &toynet__v1__get_info_request__descriptor,
                .run = admin_get_info,
        },
        {
                .path = ADMIN("GetStats"),
                .permission = PERMIT_ANYONE,
                .socket = RPC_NO_SOCKET,
                .request = &toynet__v1__get_stats_request__descriptor,
                .run = admin_get_stats,
        },
        {
                .path = ADMIN("SetImpairment"),
                .permission = PERMIT_ADMIN,
                .socket = RPC_NO_SOCKET,
                .request = &toynet__v1__impairment__descriptor,
                .run = admin_set_impairment,
        },
        {
                .path = ADMIN("GetImpairment"),
                .permission = PERMIT_ANYONE,
                .socket = RPC_NO_SOCKET,
                .request = &toynet__v1__get_impairment_request__descriptor,
                .run = admin_get_impairment,
        },
        {
                .path = ADMIN("GetConfig"),
                .permission = PERMIT_ANYONE,
                .socket = RPC_NO_SOCKET,
                .request = &toynet__v1__get_config_request__descriptor,
                .run = admin_get_config,
        },
        {
                .path = ADMIN("SetConfig"),
                .permission = PERMIT_ADMIN,
                .socket = RPC_NO_SOCKET,
                .request = &toynet__v1__set_config_request__descriptor,
                .run = admin_set_config,
        },
        {
                .path = ADMIN("AddImpairRule"),
                .permission = PERMIT_ADMIN,
                .socket = RPC_NO_SOCKET,
                .request = &toynet__v1__impair_rule__descriptor,
                .run = admin_add_impair_rule,
        },
        {
                .path = ADMIN("DeleteImpairRule"),
                .permission = PERMIT_ADMIN,
                .socket = RPC_NO_SOCKET,
                .request = &toynet__v1__delete_impair_rule_request__descriptor,
                .run = admin_delete_impair_rule,
        },
        {
                .path = ADMIN("Capture"),
                .permission = PERMIT_ADMIN,
                .socket = RPC_NO_SOCKET,
                .request = &toynet__v1__capture_request__descriptor,
                .run = admin_capture,
                .produce = admin_capture_produce,
                .closed = admin_capture_closed,
        },
        {
                .path = HEALTH("Check"),
                .permission = PERMIT_ANYONE,
                .socket = RPC_NO_SOCKET,
                .request = &grpc__health__v1__health_check_request__descriptor,
                .run = health_check,
        },
        {
                .path = HEALTH("Watch"),
                .permission = PERMIT_ANYONE,
                .socket = RPC_NO_SOCKET,
                .request = &grpc__health__v1__health_check_request__descriptor,
                .run = health_watch,
                .produce = health_watch_produce,
        },
};

const size_t rpc_methods_count = ARRAY_LEN(rpc_methods);
