/* See trim.h: when the heap is trimmed. */
#include "host/trim.h"

static bool fallen(const struct trim *t, size_t allocated)
{
	return t->peak > allocated && t->peak - allocated >= TRIM_BYTES;
}

bool trim_due(struct trim *t, size_t allocated, instant now)
{
	if (t->peak < allocated)
		t->peak = allocated;
	if (!fallen(t, allocated) || instant_lt(now, t->next))
		return false;
	t->peak = allocated;
	t->next = instant_add(now, TRIM_INTERVAL);
	return true;
}

instant trim_deadline(const struct trim *t, size_t allocated)
{
	return fallen(t, allocated) ? t->next : INSTANT_NEVER;
}
