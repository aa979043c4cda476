/* See table.h. Rows are rendered as they come, into memory, so that a call that fails leaves no half of a document. */
#include "table.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word;
	enum table_action action;
} words[] = {
        {"list", TABLE_LIST},       {"show", TABLE_LIST},     {"ls", TABLE_LIST},    {"add", TABLE_ADD},
        {"replace", TABLE_REPLACE}, {"delete", TABLE_DELETE}, {"del", TABLE_DELETE},
};

enum table_action table_action(int argc, char **argv)
{
	if (argc < 2 || argv[1][0] == '-')
		return TABLE_LIST;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, argv[1]) == 0)
			return words[i].action;
	return TABLE_UNKNOWN;
}

static void take(void *ctx, const ProtobufCMessage *message)
{
	render_row(ctx, message);
}

enum exit_status table_show(struct cli *c, const struct table *t, int argc, char **argv)
{
	bool titles = true;
	enum exit_status status;
	struct renderer *r;
	char *text = NULL;
	size_t size = 0;
	FILE *f;

	for (int i = argc > 1 && argv[1][0] != '-' ? 2 : 1; i < argc; i++) {
		if (strcmp(argv[i], "-H") != 0 && strcmp(argv[i], "--no-header") != 0)
			return cli_usage(argv[0], "unknown argument '%s'", argv[i]);
		titles = false;
	}
	f = open_memstream(&text, &size);
	if (!f)
		return cli_fail(EXIT_CALL, "%s", strerror(errno));
	r = render_new(c->json, f);
	render_table_begin(r, t->key, titles, t->columns, t->count);
	status = cli_stream(c, t->method, t->request, t->row, take, r);
	render_table_end(r);
	render_end(r);
	fclose(f);
	if (status == EXIT_OK)
		fwrite(text, 1, size, stdout);
	free(text);
	return status;
}

enum exit_status table_change(struct cli *c, const struct table *t, const char *method, const ProtobufCMessage *request)
{
	ProtobufCMessage *answer = NULL;
	enum exit_status status = cli_call(c, method, request, t->row, &answer);

	if (status != EXIT_OK)
		return status;
	if (c->json) {
		struct renderer *r = render_new(true, stdout);
		render_table_begin(r, t->key, true, t->columns, t->count);
		render_row(r, answer);
		render_table_end(r);
		render_end(r);
	}
	protobuf_c_message_free_unpacked(answer, NULL);
	return EXIT_OK;
}

struct value table_text(const char *text)
{
	if (!text || !*text)
		return (struct value){.kind = VALUE_NONE};
	return (struct value){.kind = VALUE_TEXT, .text = text};
}

struct value table_origin(Toynet__V1__Origin origin)
{
	static const char *const names[] = {"?", "static", "link", "dhcp"};
	unsigned o = (unsigned)origin;

	return table_text(names[o < sizeof(names) / sizeof(names[0]) ? o : 0]);
}
