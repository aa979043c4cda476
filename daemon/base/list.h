/* Intrusive circular doubly linked lists. A node that is in no list points to itself, so removal is idempotent. */
#ifndef TOYNET_BASE_LIST_H
#define TOYNET_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
/* Is the node in some list? */
static inline bool list_linked(const struct list *n)
{
	return n->next != n;
}
static inline void list_insert_before(struct list *at, struct list *n)
{
	n->prev = at->prev;
	n->next = at;
	at->prev->next = n;
	at->prev = n;
}
static inline void list_push_back(struct list *l, struct list *n)
{
	list_insert_before(l, n);
}
static inline void list_push_front(struct list *l, struct list *n)
{
	list_insert_before(l->next, n);
}
static inline void list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define list_entry(ptr, type, member)   container_of(ptr, type, member)
/* The body may remove `it`, nothing else. */
#define list_for_each_safe(it, tmp, l) \
	for (struct list *it = (l)->next, *tmp = it->next; it != (l); it = tmp, tmp = it->next)
#define list_for_each(it, l) for (struct list *it = (l)->next; it != (l); it = it->next)

#endif
