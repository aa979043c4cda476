/* Any bytes as the options of a TCP header. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tcp_options o;

	tcp_parse_options(data, size, &o);
	FUZZ_NEED(o.sacks >= 0 && o.sacks <= TCP_SACK_BLOCKS);
	FUZZ_NEED(o.ws <= TCP_WIND_SHIFT_MAX && (o.has_ws || !o.ws));
	FUZZ_NEED(o.has_mss || !o.mss);
	FUZZ_NEED(o.has_ts || (!o.tsval && !o.tsecr));
	return 0;
}
