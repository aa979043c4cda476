/* See ranges.h. */
#include "ranges.h"

#include <stdlib.h>
#include <string.h>

/* Index of the first run that ends at or after `at`. */
static int first_touching(const struct ranges *s, int32_t at)
{
	int lo = 0, hi = s->count;

	while (lo < hi) {
		int mid = (lo + hi) / 2;
		if (s->run[mid].end < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void ranges_add(struct ranges *s, int32_t start, int32_t end)
{
	if (start >= end)
		return;
	int i = first_touching(s, start), touched = 0;
	while (i + touched < s->count && s->run[i + touched].start <= end)
		touched++;
	if (touched) {
		const struct range *last = &s->run[i + touched - 1];
		struct range *r = &s->run[i];
		int32_t to = last->end > end ? last->end : end;
		r->start = r->start < start ? r->start : start;
		r->end = to;
		memmove(r + 1, r + touched, (size_t)(s->count - i - touched) * sizeof(*r));
		s->count -= touched - 1;
		return;
	}
	if (s->count == s->capacity) {
		s->capacity = s->capacity ? 2 * s->capacity : 8;
		s->run = realloc(s->run, (size_t)s->capacity * sizeof(*s->run));
		if (!s->run)
			abort();
	}
	memmove(&s->run[i + 1], &s->run[i], (size_t)(s->count - i) * sizeof(*s->run));
	s->run[i] = (struct range){start, end};
	s->count++;
}

bool ranges_hold(const struct ranges *s, int32_t start, int32_t end)
{
	if (start >= end)
		return true;
	int i = first_touching(s, start + 1);
	return i < s->count && s->run[i].start <= start && end <= s->run[i].end;
}

int32_t ranges_run_end(const struct ranges *s, int32_t from)
{
	int i = first_touching(s, from + 1);

	return i < s->count && s->run[i].start <= from ? s->run[i].end : from;
}

bool ranges_beyond(const struct ranges *s, int32_t from)
{
	return s->count && s->run[s->count - 1].end > from;
}

void ranges_free(struct ranges *s)
{
	free(s->run);
	*s = (struct ranges){0};
}
