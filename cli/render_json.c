/* The JSON renderer: one object, a member for each section; a table is an array of objects, a record an object.
 *
 * Theory of operation. Everything is written at once, nothing is kept. Numbers are numbers in the unit that the key
 * names
 * (_us, _ppm, _bps), never text; what is not known is null. A table has one line for each row, so that line tools work
 * on it too. Text from elsewhere is escaped by RFC 8259 7; bytes that are not UTF-8 cannot come, since the control
 * plane's strings are. */
#include "render.h"
#include <inttypes.h>

static void json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void json_holders(FILE *out, const struct value *v)
{
	fputc('[', out);
	for (size_t i = 0; i < v->holders.count; i++) {
		const struct holder *h = &v->holders.list[i];

		fprintf(out, "%s{\"name\":", i ? "," : "");
		json_text(out, h->name);
		fprintf(out, ",\"pid\":%d,\"fd\":%d}", h->pid, h->fd);
	}
	fputc(']', out);
}

static void json_value(FILE *out, struct value v)
{
	switch (v.kind) {
	case VALUE_NONE:
		fputs("null", out);
		break;
	case VALUE_BOOL:
		fputs(v.yes ? "true" : "false", out);
		break;
	case VALUE_UNSIGNED:
	case VALUE_PPM:
	case VALUE_BIT_RATE:
		fprintf(out, "%" PRIu64, v.number);
		break;
	case VALUE_SIGNED:
	case VALUE_MICROSECONDS:
		fprintf(out, "%" PRId64, v.signed_number);
		break;
	case VALUE_TEXT:
		json_text(out, v.text);
		break;
	case VALUE_ADDRESS:
		fputs("{\"ip\":", out);
		json_text(out, v.address.ip);
		fprintf(out, ",\"port\":%" PRIu32 "}", v.address.port);
		break;
	case VALUE_HOLDERS:
		json_holders(out, &v);
		break;
	}
}

static void json_object(struct renderer *r, const void *item)
{
	bool first = true;

	fputc('{', r->out);
	for (size_t i = 0; i < r->count; i++) {
		if (r->columns[i].where == IN_TEXT)
			continue;
		if (!first)
			fputc(',', r->out);
		first = false;
		json_text(r->out, r->columns[i].key);
		fputc(':', r->out);
		json_value(r->out, r->columns[i].get(item));
	}
	fputc('}', r->out);
}

static void json_section(struct renderer *r, const char *key)
{
	fputs(r->sections ? ",\n" : "{", r->out);
	json_text(r->out, key);
	fputc(':', r->out);
}

static void json_table_begin(struct renderer *r, const char *key, bool titles)
{
	(void)titles;
	json_section(r, key);
	fputc('[', r->out);
}

static void json_row(struct renderer *r, const void *item)
{
	fputs(r->rows ? ",\n" : "\n", r->out);
	json_object(r, item);
}

static void json_table_end(struct renderer *r)
{
	fputs(r->rows ? "\n]" : "]", r->out);
}

static void json_record(struct renderer *r, const char *key, const char *heading, const void *item)
{
	(void)heading;
	json_section(r, key);
	json_object(r, item);
}

static void json_end(struct renderer *r)
{
	fputs(r->sections ? "}\n" : "{}\n", r->out);
	fflush(r->out);
}

const struct renderer_ops render_json_ops = {json_table_begin, json_row, json_table_end, json_record, json_end};
