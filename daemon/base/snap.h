/* Snapshots: one function per struct serves saving and loading.
 *
 * A `struct snap` is either writing into a growing buffer or reading from one. Each type that is saved has a function
 * snap_<type>(struct snap *, struct type *) that names its fields once, in order; when saving they are appended, when
 * loading they are read into place. Errors stick: after the first, saving appends nothing and loading yields zeros.
 * Integers are little endian and of fixed width. Loading checks: a value outside its range makes the snapshot damaged
 * (snap_fail), never a guess. */
#ifndef TOYNET_BASE_SNAP_H
#define TOYNET_BASE_SNAP_H

#include "base/addr.h"
#include "base/types.h"

enum snap_mode { SNAP_SAVE, SNAP_LOAD };

struct snap {
	enum snap_mode mode;
	uint8_t *buf;      /* SNAP_SAVE: owned, malloc'd; SNAP_LOAD: borrowed */
	size_t len;        /* SNAP_SAVE: bytes written; SNAP_LOAD: bytes there */
	size_t capacity;   /* SNAP_SAVE */
	size_t pos;        /* SNAP_LOAD */
	const char *error; /* NULL, or what is wrong: static text */
};

void snap_save_begin(struct snap *s);
/* Frees what saving allocated. */
void snap_save_free(struct snap *s);
/* data stays borrowed while loading. */
void snap_load_begin(struct snap *s, const void *data, size_t len);
static inline bool snap_loading(const struct snap *s)
{
	return s->mode == SNAP_LOAD;
}
static inline bool snap_ok(const struct snap *s)
{
	return s->error == NULL;
}
/* Marks the snapshot damaged; `why` is static text. The first reason stays. */
void snap_fail(struct snap *s, const char *why);
/* snap_fail unless ok. */
static inline void snap_check(struct snap *s, bool ok, const char *why)
{
	if (!ok)
		snap_fail(s, why);
}

void snap_u8(struct snap *s, uint8_t *v);
void snap_u16(struct snap *s, uint16_t *v);
void snap_u32(struct snap *s, uint32_t *v);
void snap_u64(struct snap *s, uint64_t *v);
void snap_i32(struct snap *s, int32_t *v);
void snap_i64(struct snap *s, int64_t *v);
void snap_bool(struct snap *s, bool *v); /* 0 or 1, else damaged */
void snap_seq(struct snap *s, seq32 *v);
/* Times that the clock cannot tell, negative lengths of time, and what overflows when it is added up, are damaged. */
void snap_instant(struct snap *s, instant *v);
/* An instant from which time is counted: one that is still to come is taken for now. */
void snap_past(struct snap *s, instant *v, instant now);
void snap_duration(struct snap *s, duration *v);
/* INT64_MAX stands for no measurement yet. */
void snap_duration_or_infinite(struct snap *s, duration *v);
void snap_bytes(struct snap *s, void *p, size_t n);
void snap_ip(struct snap *s, struct ip_addr *a); /* unknown family: damaged */
void snap_endpoint(struct snap *s, struct endpoint *e);
void snap_mac(struct snap *s, struct mac_addr *m);
/* A section marker: written when saving, compared when loading. Places an error near its cause. */
void snap_tag(struct snap *s, uint32_t tag);
/* An enum of `count` values, 0..count-1, through a uint8_t. */
#define SNAP_ENUM(s, field, count)                                                       \
	do {                                                                             \
		uint8_t snap_enum_v_ = (uint8_t)(field);                                 \
		snap_u8((s), &snap_enum_v_);                                             \
		if (snap_loading(s)) {                                                   \
			snap_check((s), snap_enum_v_ < (count), #field " out of range"); \
			if (snap_enum_v_ < (count))                                      \
				(field) = snap_enum_v_;                                  \
		}                                                                        \
	} while (0)

#endif
