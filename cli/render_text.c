/* The text renderer: tables whose columns line up, records as "title value" lines.
 *
 * Theory of operation. The cells of a table are kept as strings until its end, when each column's width is known. An
 * address is "ip:port" with "*" for port 0, as ss writes it; holders are users:(("name",pid=1,fd=3)), also as in ss.
 * What is shown came from other processes by way of the daemon, so control characters are replaced on the way out. */
#include "cli.h"
#include "render.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CELL_GAP 2 /* blanks between two columns */

static char *copy_clean(const char *text)
{
	size_t len = strlen(text);
	char *copy = cli_alloc(len + 1, 1);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		copy[i] = text[i];
		if (c < ' ' || c == 0x7f)
			copy[i] = '?';
	}
	return copy;
}

static char *holders_text(const struct value *v)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f;

	if (v->holders.count == 0)
		return copy_clean("");
	f = open_memstream(&text, &size);
	if (!f)
		return copy_clean("?");
	fputs("users:(", f);
	for (size_t i = 0; i < v->holders.count; i++) {
		const struct holder *h = &v->holders.list[i];
		fprintf(f, "%s(\"%s\",pid=%d,fd=%d)", i ? "," : "", h->name, h->pid, h->fd);
	}
	fputs(")", f);
	fclose(f);
	return text;
}

static char *address_text(const struct value *v)
{
	char buf[128];
	const char *ip = v->address.ip;
	bool v6 = strchr(ip, ':') != NULL;
	char port[16] = "*";

	if (v->address.port)
		snprintf(port, sizeof(port), "%" PRIu32, v->address.port);
	snprintf(buf, sizeof(buf), v6 ? "[%s]:%s" : "%s:%s", ip, port);
	return copy_clean(buf);
}

/* The cell of one value; the caller frees it. */
static char *cell(struct value v)
{
	char buf[64] = "";

	switch (v.kind) {
	case VALUE_NONE:
		break;
	case VALUE_BOOL:
		return copy_clean(v.yes ? "yes" : "no");
	case VALUE_UNSIGNED:
		snprintf(buf, sizeof(buf), "%" PRIu64, v.number);
		break;
	case VALUE_SIGNED:
		snprintf(buf, sizeof(buf), "%" PRId64, v.signed_number);
		break;
	case VALUE_TEXT:
		return copy_clean(v.text);
	case VALUE_MICROSECONDS:
		format_microseconds(buf, sizeof(buf), v.signed_number);
		break;
	case VALUE_PPM:
		format_ppm(buf, sizeof(buf), v.number);
		break;
	case VALUE_BIT_RATE:
		format_bit_rate(buf, sizeof(buf), v.number);
		break;
	case VALUE_ADDRESS:
		return address_text(&v);
	case VALUE_HOLDERS:
		return holders_text(&v);
	}
	return copy_clean(buf);
}

static void text_table_begin(struct renderer *r, const char *key, bool titles)
{
	(void)key;
	r->titles = titles;
	r->cells = NULL;
}

static void text_row(struct renderer *r, const void *item)
{
	/* Room for twice as many rows whenever their number reaches a power of two. */
	if ((r->rows & (r->rows - 1)) == 0)
		r->cells = cli_realloc(r->cells, 2 * (r->rows + 1) * r->count, sizeof(*r->cells));
	for (size_t i = 0; i < r->count; i++)
		r->cells[r->rows * r->count + i] = r->columns[i].where == IN_JSON ? NULL
		                                                                  : cell(r->columns[i].get(item));
}

static void print_cell(const struct renderer *r, size_t column, size_t last, size_t width, const char *text)
{
	int pad = (int)(width - strlen(text));

	if (r->columns[column].right)
		fprintf(r->out, "%*s%s", pad, "", text);
	else
		fprintf(r->out, "%s%*s", text, column == last ? 0 : pad, "");
	if (column != last)
		fprintf(r->out, "%*s", CELL_GAP, "");
}

static void text_table_end(struct renderer *r)
{
	size_t *width = cli_alloc(r->count, sizeof(*width));
	size_t last = 0;

	for (size_t i = 0; i < r->count; i++) {
		if (r->columns[i].where == IN_JSON)
			continue;
		last = i;
		width[i] = r->titles ? strlen(r->columns[i].title) : 0;
		for (size_t row = 0; row < r->rows; row++) {
			size_t len = strlen(r->cells[row * r->count + i]);
			width[i] = len > width[i] ? len : width[i];
		}
	}
	if (r->sections)
		fputc('\n', r->out);
	if (r->titles) {
		for (size_t i = 0; i < r->count; i++)
			if (r->columns[i].where != IN_JSON)
				print_cell(r, i, last, width[i], r->columns[i].title);
		fputc('\n', r->out);
	}
	for (size_t row = 0; row < r->rows; row++) {
		for (size_t i = 0; i < r->count; i++) {
			char *text = r->cells[row * r->count + i];
			if (r->columns[i].where != IN_JSON)
				print_cell(r, i, last, width[i], text);
			free(text);
		}
		fputc('\n', r->out);
	}
	free(r->cells);
	r->cells = NULL;
	free(width);
}

static void text_record(struct renderer *r, const char *key, const char *heading, const void *item)
{
	size_t width = 0;

	(void)key;
	for (size_t i = 0; i < r->count; i++)
		if (r->columns[i].where != IN_JSON && strlen(r->columns[i].title) > width)
			width = strlen(r->columns[i].title);
	if (r->sections)
		fputc('\n', r->out);
	if (heading)
		fprintf(r->out, "%s\n", heading);
	for (size_t i = 0; i < r->count; i++) {
		char *text;

		if (r->columns[i].where == IN_JSON)
			continue;
		text = cell(r->columns[i].get(item));
		fprintf(r->out, "%s%-*s%*s%s\n", heading ? "  " : "", (int)width, r->columns[i].title, CELL_GAP, "",
		        *text ? text : "-");
		free(text);
	}
}

static void text_end(struct renderer *r)
{
	fflush(r->out);
}

const struct renderer_ops render_text_ops = {text_table_begin, text_row, text_table_end, text_record, text_end};
