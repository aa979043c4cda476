/* Renderers: how rows become text or JSON.
 *
 * Theory of operation. A verb describes what it shows as constant columns: a key (JSON), a title (text), and a function
 * that reads one value out of an item. A value has a kind that says what it means (a length of time, an address), so
 * that each renderer can write it in its own way: "1.5ms" for people, 1500 for programs. A document is a sequence of
 * named sections, each of which is a table (items of one sort) or a record (one item, a line for each column). Keys and
 * the meaning of numbers are stable; a column may be added.
 *
 * The text renderer keeps the cells of a table until its end, since a column is as wide as its widest cell. */
#ifndef CLI_RENDER_H
#define CLI_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct holder {
	int pid, fd;
	char name[32]; /* sanitised: printable ASCII without quote and backslash */
};

enum value_kind {
	VALUE_NONE, /* nothing to show: an empty cell, null */
	VALUE_BOOL,
	VALUE_UNSIGNED,
	VALUE_SIGNED,
	VALUE_TEXT,
	VALUE_MICROSECONDS, /* signed */
	VALUE_PPM,          /* parts per million of all frames */
	VALUE_BIT_RATE,     /* bits per second */
	VALUE_ADDRESS,      /* ip and port */
	VALUE_HOLDERS,      /* processes that hold a descriptor */
};

struct value {
	enum value_kind kind;
	union {
		bool yes;
		uint64_t number;
		int64_t signed_number; /* VALUE_SIGNED, VALUE_MICROSECONDS */
		const char *text;      /* lives as long as the item */
		struct {
			const char *ip;
			uint32_t port;
		} address;
		struct {
			const struct holder *list;
			size_t count;
		} holders;
	};
};

enum column_where { IN_BOTH, IN_TEXT, IN_JSON };

struct column {
	const char *key;   /* JSON */
	const char *title; /* text */
	enum column_where where;
	bool right; /* text: numbers line up at the right */
	struct value (*get)(const void *item);
};

#define COLUMNS(table) (table), sizeof(table) / sizeof((table)[0])

struct renderer;

/* The two renderers; freed by render_end. */
struct renderer *render_new(bool json, FILE *out);
/* A table: begin, each item, end. titles false: without the line of titles (text). */
void render_table_begin(struct renderer *r, const char *key, bool titles, const struct column *columns, size_t count);
void render_row(struct renderer *r, const void *item);
void render_table_end(struct renderer *r);
/* One item, a line for each column, under a heading (text; NULL: none). */
void render_record(struct renderer *r, const char *key, const char *heading, const struct column *columns, size_t count,
                   const void *item);
/* Ends the document. */
void render_end(struct renderer *r);

/* Used by both renderers and by error messages. "1.5ms", "2s", "-3us". */
void format_microseconds(char *to, size_t size, int64_t us);
/* "2%", "0.001%". */
void format_ppm(char *to, size_t size, uint64_t ppm);
/* "10Mbit", "1500bit". */
void format_bit_rate(char *to, size_t size, uint64_t bps);

/* What a renderer is made of: one function for each step of the document. */
struct renderer_ops {
	void (*table_begin)(struct renderer *r, const char *key, bool titles);
	void (*row)(struct renderer *r, const void *item);
	void (*table_end)(struct renderer *r);
	void (*record)(struct renderer *r, const char *key, const char *heading, const void *item);
	void (*end)(struct renderer *r);
};

struct renderer {
	const struct renderer_ops *ops;
	FILE *out;
	const struct column *columns; /* of the section under way */
	size_t count;
	size_t sections, rows; /* written so far: in the document, in the table */
	char **cells;          /* text: rows * count strings of the table */
	bool titles;
};

extern const struct renderer_ops render_text_ops, render_json_ops;

#endif
