/* Transmission records: what was sent and is not yet acknowledged, ascending and without gaps from SND.UNA to SND.NXT.
 *
 * A circular array that grows by doubling up to TCP_TXREC_MAX and is given back when nothing is outstanding, so that an
 * idle connection has none. */
#include "transport/tcp_internal.h"

#define TXQ_FIRST 16u

bool txq_reserve(struct tcp_txq *q, struct env *env, uint32_t more)
{
	if (q->count + more <= q->capacity)
		return true;
	uint32_t capacity = q->capacity ? q->capacity : TXQ_FIRST;
	while (capacity < q->count + more)
		capacity *= 2;
	if (capacity > TCP_TXREC_MAX)
		return false;
	struct tcp_txrec *rec = env_alloc(env, capacity * sizeof(*rec));
	if (!rec)
		return false;
	for (uint32_t i = 0; i < q->count; i++)
		rec[i] = *txq_at(q, i);
	env_free(env, q->rec, q->capacity * sizeof(*rec));
	q->rec = rec;
	q->head = 0;
	q->capacity = capacity;
	return true;
}

uint32_t tcp_first_lost(const struct tcp *t)
{
	uint32_t i = 0;

	while (i < t->txq.count && !txq_at(&t->txq, i)->lost)
		i++;
	return i;
}

void txq_push(struct tcp_txq *q, seq32 seq, uint32_t len, uint16_t mss, instant now)
{
	assert(q->count < q->capacity && len);
	*txq_at(q, q->count++) = (struct tcp_txrec){.seq = seq, .len = len, .mss = mss, .sent = now};
}

bool txq_split(struct tcp_txq *q, struct env *env, uint32_t i, seq32 at)
{
	if (!txq_reserve(q, env, 1))
		return false;
	for (uint32_t j = q->count; j > i; j--)
		*txq_at(q, j) = *txq_at(q, j - 1);
	q->count++;
	struct tcp_txrec *a = txq_at(q, i), *b = txq_at(q, i + 1);
	uint32_t cut = seq_len(a->seq, at);
	assert(cut > 0 && cut < a->len);
	b->seq = at;
	b->len = a->len - cut;
	a->len = cut;
	return true;
}

void txq_pop(struct tcp_txq *q)
{
	assert(q->count);
	q->head = (q->head + 1) & (q->capacity - 1);
	q->count--;
}

void txq_release(struct tcp_txq *q, struct env *env)
{
	env_free(env, q->rec, q->capacity * sizeof(*q->rec));
	*q = (struct tcp_txq){0};
}
