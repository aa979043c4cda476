/* client/tcp_info: the layout of the kernel's struct tcp_info. */
#include "client/client.h"
#include "unit.h"
#include <linux/tcp.h>
#include <string.h>

static const toynet_v1_TcpInfo figures = {
        .state = toynet_v1_State_STATE_CLOSE_WAIT,
        .ca_state = toynet_v1_CaState_CA_STATE_RECOVERY,
        .timestamps = true,
        .window_scale = true,
        .ecn_seen = true,
        .snd_wscale = 7,
        .rcv_wscale = 10,
        .retransmits = 300,
        .backoff = 3,
        .delivery_rate_app_limited = true,
        .rto = 204000,
        .snd_cwnd = 10,
        .bytes_acked = UINT64_C(1) << 40,
        .delivery_rate = UINT64_C(125000000000),
        .max_pacing_rate = UINT64_MAX,
        .snd_wnd = 65535,
};

START_TEST(test_layout)
{
	struct tcp_info i;

	memset(&i, 0xee, sizeof(i));
	ck_assert_uint_eq(client_tcp_info(&figures, &i, sizeof(i)), sizeof(i));
	ck_assert_uint_eq(i.tcpi_state, 8); /* TCP_CLOSE_WAIT */
	ck_assert_uint_eq(i.tcpi_ca_state, TCP_CA_Recovery);
	ck_assert_uint_eq(i.tcpi_retransmits, 255);
	ck_assert_uint_eq(i.tcpi_backoff, 3);
	ck_assert_uint_eq(i.tcpi_options, TCPI_OPT_TIMESTAMPS | TCPI_OPT_WSCALE | TCPI_OPT_ECN_SEEN);
	ck_assert_uint_eq(i.tcpi_snd_wscale, 7);
	ck_assert_uint_eq(i.tcpi_rcv_wscale, 10);
	ck_assert_uint_eq(i.tcpi_delivery_rate_app_limited, 1);
	ck_assert_uint_eq(i.tcpi_rto, 204000);
	ck_assert_uint_eq(i.tcpi_snd_cwnd, 10);
	ck_assert_uint_eq(i.tcpi_bytes_acked, UINT64_C(1) << 40);
	ck_assert_uint_eq(i.tcpi_delivery_rate, UINT64_C(125000000000));
	ck_assert_uint_eq(i.tcpi_max_pacing_rate, UINT64_MAX);
	ck_assert_uint_eq(i.tcpi_snd_wnd, 65535);
	ck_assert_uint_eq(i.tcpi_fackets, 0);
	ck_assert_uint_eq(i.tcpi_last_ack_sent, 0);
}
END_TEST

/* As the kernel: who asks for less gets the beginning, who asks for more gets all. */
START_TEST(test_room)
{
	uint8_t out[512];

	memset(out, 0xee, sizeof(out));
	ck_assert_uint_eq(client_tcp_info(&figures, out, 1), 1);
	ck_assert_uint_eq(out[0], 8);
	ck_assert_uint_eq(out[1], 0xee);
	ck_assert_uint_eq(client_tcp_info(&figures, out, 104), 104); /* glibc's struct */
	ck_assert_uint_eq(out[104], 0xee);
	ck_assert_uint_eq(client_tcp_info(&figures, out, sizeof(out)), sizeof(struct tcp_info));
	ck_assert_uint_eq(client_tcp_info(&figures, out, 0), 0);
}
END_TEST

Suite *client_tcp_info_suite(void);
Suite *client_tcp_info_suite(void)
{
	UNIT_SUITE("client_tcp_info", test_layout, test_room);
}
