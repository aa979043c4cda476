/* The part of rendering that both renderers share: the steps of a document, and how quantities are written.
 *
 * Theory of operation. render_new picks the ops; each step notes which columns the section has and calls the renderer's
 * function. The formats choose the largest unit in which the number is not below one, and drop trailing zeros. */
#include "render.h"
#include "cli.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	double size;
	const char *name;
};

/* Writes n in the largest of the units (ascending) that is not above it. */
static void format_unit(char *to, size_t size, double n, const struct unit *units, size_t count)
{
	double magnitude = n < 0 ? -n : n;
	size_t i = 0;

	while (i + 1 < count && magnitude >= units[i + 1].size)
		i++;
	snprintf(to, size, "%.6g%s", n / units[i].size, units[i].name);
}

void format_microseconds(char *to, size_t size, int64_t us)
{
	static const struct unit units[] = {{1, "us"}, {1e3, "ms"}, {1e6, "s"}};

	format_unit(to, size, (double)us, units, sizeof(units) / sizeof(units[0]));
}

void format_ppm(char *to, size_t size, uint64_t ppm)
{
	snprintf(to, size, "%.6g%%", (double)ppm / 1e4);
}

void format_bit_rate(char *to, size_t size, uint64_t bps)
{
	static const struct unit units[] = {{1, "bit"}, {1e3, "Kbit"}, {1e6, "Mbit"}, {1e9, "Gbit"}};

	format_unit(to, size, (double)bps, units, sizeof(units) / sizeof(units[0]));
}

struct renderer *render_new(bool json, FILE *out)
{
	struct renderer *r = cli_alloc(1, sizeof(*r));

	r->ops = json ? &render_json_ops : &render_text_ops;
	r->out = out;
	return r;
}

void render_table_begin(struct renderer *r, const char *key, bool titles, const struct column *columns, size_t count)
{
	r->columns = columns;
	r->count = count;
	r->rows = 0;
	r->ops->table_begin(r, key, titles);
}

void render_row(struct renderer *r, const void *item)
{
	r->ops->row(r, item);
	r->rows++;
}

void render_table_end(struct renderer *r)
{
	r->ops->table_end(r);
	r->sections++;
}

void render_record(struct renderer *r, const char *key, const char *heading, const struct column *columns, size_t count,
                   const void *item)
{
	r->columns = columns;
	r->count = count;
	r->ops->record(r, key, heading, item);
	r->sections++;
}

void render_end(struct renderer *r)
{
	r->ops->end(r);
	free(r);
}
