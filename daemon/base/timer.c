/* The 4-ary heap behind the timers; the header tells the theory.
 *
 * Invariants: node->index - 1 is the node's place in the heap; a parent is before its children by (position, tie); and
 * position <= deadline for every node in the heap. So a node on top whose position equals its deadline is the one that
 * fires first: every other node's deadline is at or after its own position, which is not before the top's. */
#include "base/timer.h"

#define ARITY          4
#define CAPACITY_FIRST 64

static bool node_before(const struct timer_node *a, const struct timer_node *b)
{
	if (a->position.ns != b->position.ns)
		return instant_lt(a->position, b->position);
	return a->tie < b->tie;
}

static void heap_put(struct timer_queue *q, size_t i, struct timer_node *n)
{
	q->heap[i] = n;
	n->index = i + 1;
}

static void sift_up(struct timer_queue *q, size_t i)
{
	struct timer_node *n = q->heap[i];

	while (i > 0) {
		size_t parent = (i - 1) / ARITY;
		if (!node_before(n, q->heap[parent]))
			break;
		heap_put(q, i, q->heap[parent]);
		i = parent;
	}
	heap_put(q, i, n);
}

static void sift_down(struct timer_queue *q, size_t i)
{
	struct timer_node *n = q->heap[i];

	for (;;) {
		size_t first = i * ARITY + 1;
		if (first >= q->count)
			break;
		size_t best = first;
		size_t end = size_min(first + ARITY, q->count);
		for (size_t child = first + 1; child < end; child++) {
			if (node_before(q->heap[child], q->heap[best]))
				best = child;
		}
		if (!node_before(q->heap[best], n))
			break;
		heap_put(q, i, q->heap[best]);
		i = best;
	}
	heap_put(q, i, n);
}

static void heap_remove(struct timer_queue *q, struct timer_node *n)
{
	size_t i = n->index - 1;
	struct timer_node *last = q->heap[--q->count];

	n->index = 0;
	if (last == n)
		return;
	heap_put(q, i, last);
	sift_up(q, i);
	sift_down(q, last->index - 1);
}

void timer_queue_init(struct timer_queue *q)
{
	*q = (struct timer_queue){0};
}

void timer_queue_free(struct timer_queue *q, struct env *env)
{
	assert(q->count == 0);
	env_free(env, q->heap, q->capacity * sizeof(struct timer_node *));
	timer_queue_init(q);
}

bool timer_reserve(struct timer_queue *q, struct env *env, size_t nodes)
{
	if (nodes <= q->capacity)
		return true;
	size_t capacity = q->capacity ? q->capacity : CAPACITY_FIRST;
	while (capacity < nodes)
		capacity *= 2;
	struct timer_node **heap = env_realloc(env, q->heap, q->capacity * sizeof(struct timer_node *),
	                                       capacity * sizeof(struct timer_node *));
	if (!heap)
		return false;
	q->heap = heap;
	q->capacity = capacity;
	return true;
}

void timer_node_init(struct timer_node *n, uint64_t tie)
{
	*n = (struct timer_node){.deadline = INSTANT_NEVER, .position = INSTANT_NEVER, .tie = tie};
}

void timer_update(struct timer_queue *q, struct timer_node *n, instant deadline)
{
	n->deadline = deadline;
	if (n->index == 0) {
		if (instant_is_never(deadline))
			return;
		assert(q->count < q->capacity);
		n->position = deadline;
		heap_put(q, q->count++, n);
		sift_up(q, n->index - 1);
	} else if (instant_lt(deadline, n->position)) {
		n->position = deadline;
		sift_up(q, n->index - 1);
	}
}

void timer_cancel(struct timer_queue *q, struct timer_node *n)
{
	n->deadline = INSTANT_NEVER;
	if (n->index != 0)
		heap_remove(q, n);
}

instant timer_next(struct timer_queue *q)
{
	while (q->count > 0) {
		struct timer_node *top = q->heap[0];
		if (top->position.ns == top->deadline.ns)
			return top->deadline;
		if (instant_is_never(top->deadline)) {
			heap_remove(q, top);
		} else {
			top->position = top->deadline;
			sift_down(q, 0);
		}
	}
	return INSTANT_NEVER;
}

struct timer_node *timer_pop(struct timer_queue *q, instant now)
{
	instant next = timer_next(q);

	if (instant_is_never(next) || instant_lt(now, next))
		return NULL;
	struct timer_node *n = q->heap[0];
	timer_cancel(q, n);
	return n;
}
