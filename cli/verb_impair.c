/* toynetctl impair: shows and changes what the impair link does to frames.
 *
 * Theory of operation. The arguments are words: a direction (in, out, both), then settings for it, until the next
 * direction. A direction that is named starts from nothing, so that the command line is the whole of its new setting;
 * one that is not named stays as it was. The settings are a table: name, the sort of its one or two operands, where
 * they go. A rule is one direction, the words of a match (match.h), and settings. */
#include "cli.h"
#include "match.h"
#include "quantity.h"
#include <inttypes.h>
#include <string.h>
#include <toynet/v1/toynet.pb-c.h>

typedef Toynet__V1__ImpairDirection Direction;

#define OPERANDS 2

struct operand {
	const char *what; /* for messages; NULL: no such operand */
	bool (*parse)(const char *text, uint64_t *value);
	void (*format)(char *to, size_t size, uint64_t value);
	size_t offset; /* in Direction */
	bool wide;     /* uint64_t, else uint32_t */
};

struct setting {
	const char *name;
	struct operand operand[OPERANDS];
};

static void format_time(char *to, size_t size, uint64_t us)
{
	format_microseconds(to, size, (int64_t)us);
}

static void format_bytes(char *to, size_t size, uint64_t n)
{
	snprintf(to, size, "%" PRIu64, n);
}

#define PROBABILITY(field)                                                                                     \
	{                                                                                                      \
		"a probability such as 2% or 100ppm", parse_ppm, format_ppm, offsetof(Direction, field), false \
	}
#define DURATION(field)                                                                                  \
	{                                                                                                \
		"a time such as 5ms", parse_microseconds, format_time, offsetof(Direction, field), false \
	}

static const struct setting settings[] = {
        {"loss", {PROBABILITY(loss_ppm)}},
        {"burst", {PROBABILITY(burst_enter_ppm), PROBABILITY(burst_leave_ppm)}},
        {"duplicate", {PROBABILITY(duplicate_ppm)}},
        {"reorder", {PROBABILITY(reorder_ppm), DURATION(reorder_us)}},
        {"corrupt", {PROBABILITY(corrupt_ppm)}},
        {"delay", {DURATION(delay_us)}},
        {"jitter", {DURATION(jitter_us)}},
        {"rate", {{"a rate such as 10Mbit", parse_bit_rate, format_bit_rate, offsetof(Direction, rate_bps), true}}},
        {"queue", {{"a size such as 64K", parse_bytes, format_bytes, offsetof(Direction, queue_bytes), false}}},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static void store(Direction *d, const struct operand *o, uint64_t value)
{
	char *field = (char *)d + o->offset;

	if (o->wide)
		*(uint64_t *)(void *)field = value;
	else
		*(uint32_t *)(void *)field = (uint32_t)value;
}

static uint64_t load(const Direction *d, const struct operand *o)
{
	const char *field = (const char *)d + o->offset;

	return o->wide ? *(const uint64_t *)(const void *)field : *(const uint32_t *)(const void *)field;
}

static const struct setting *find_setting(const char *name)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	return NULL;
}

/* Takes one setting and its operands, argv[*i] on, for the directions that are not NULL. */
static enum exit_status take_setting(Direction *to[2], int argc, char **argv, int *i)
{
	const struct setting *s = find_setting(argv[*i]);

	if (!s)
		return cli_usage(argv[0], "unknown word '%s'", argv[*i]);
	if (!to[0] && !to[1])
		return cli_usage(argv[0], "'%s' needs a direction before it: in, out or both", s->name);
	for (size_t k = 0; k < OPERANDS && s->operand[k].what; k++) {
		const struct operand *o = &s->operand[k];
		uint64_t value;

		if (++*i >= argc)
			return cli_usage(argv[0], "'%s' needs %s", s->name, o->what);
		if (!o->parse(argv[*i], &value))
			return cli_usage(argv[0], "'%s %s': this is not %s", s->name, argv[*i], o->what);
		for (int d = 0; d < 2; d++)
			if (to[d])
				store(to[d], o, value);
	}
	return EXIT_OK;
}

static enum exit_status parse(Toynet__V1__Impairment *m, Direction *in, Direction *out, int argc, char **argv)
{
	Direction *to[2] = {NULL, NULL};

	for (int i = 1; i < argc; i++) {
		bool both = strcmp(argv[i], "both") == 0 || strcmp(argv[i], "off") == 0;
		bool is_in = both || strcmp(argv[i], "in") == 0, is_out = both || strcmp(argv[i], "out") == 0;
		enum exit_status status;

		if (is_in || is_out) {
			to[0] = is_in ? in : NULL;
			to[1] = is_out ? out : NULL;
			m->in = is_in ? in : m->in;
			m->out = is_out ? out : m->out;
			if (strcmp(argv[i], "off") == 0)
				to[0] = to[1] = NULL;
			continue;
		}
		if (strcmp(argv[i], "seed") == 0) {
			if (++i >= argc || !parse_number(argv[i], &m->seed) || m->seed == 0)
				return cli_usage(argv[0], "'seed' needs a number above 0");
			continue;
		}
		status = take_setting(to, argc, argv, &i);
		if (status != EXIT_OK)
			return status;
	}
	return EXIT_OK;
}

/* One row of the answer. */
struct line {
	const char *direction;
	const Direction *d;
};

#define GET(name, value_kind, member)                                                                        \
	static struct value name(const void *item)                                                           \
	{                                                                                                    \
		return (struct value){.kind = value_kind, .number = ((const struct line *)item)->d->member}; \
	}
GET(get_loss, VALUE_PPM, loss_ppm)
GET(get_burst_enter, VALUE_PPM, burst_enter_ppm)
GET(get_burst_leave, VALUE_PPM, burst_leave_ppm)
GET(get_duplicate, VALUE_PPM, duplicate_ppm)
GET(get_reorder, VALUE_PPM, reorder_ppm)
GET(get_reorder_us, VALUE_UNSIGNED, reorder_us)
GET(get_corrupt, VALUE_PPM, corrupt_ppm)
GET(get_delay_us, VALUE_UNSIGNED, delay_us)
GET(get_jitter_us, VALUE_UNSIGNED, jitter_us)
GET(get_rate, VALUE_BIT_RATE, rate_bps)
GET(get_queue, VALUE_UNSIGNED, queue_bytes)

static struct value duration_text(uint32_t us)
{
	return (struct value){.kind = VALUE_MICROSECONDS, .signed_number = us};
}

static struct value get_reorder_time(const void *item)
{
	return duration_text(((const struct line *)item)->d->reorder_us);
}

static struct value get_delay(const void *item)
{
	return duration_text(((const struct line *)item)->d->delay_us);
}

static struct value get_jitter(const void *item)
{
	return duration_text(((const struct line *)item)->d->jitter_us);
}

static struct value get_direction(const void *item)
{
	return (struct value){.kind = VALUE_TEXT, .text = ((const struct line *)item)->direction};
}

static const struct column columns[] = {
        {"direction", "Direction", IN_BOTH, false, get_direction},
        {"loss_ppm", "Loss", IN_BOTH, true, get_loss},
        {"burst_enter_ppm", "Burst", IN_BOTH, true, get_burst_enter},
        {"burst_leave_ppm", "Leave", IN_BOTH, true, get_burst_leave},
        {"duplicate_ppm", "Duplicate", IN_BOTH, true, get_duplicate},
        {"reorder_ppm", "Reorder", IN_BOTH, true, get_reorder},
        {"reorder_us", "Held", IN_JSON, true, get_reorder_us},
        {"reorder", "Held", IN_TEXT, true, get_reorder_time},
        {"corrupt_ppm", "Corrupt", IN_BOTH, true, get_corrupt},
        {"delay_us", "Delay", IN_JSON, true, get_delay_us},
        {"delay", "Delay", IN_TEXT, true, get_delay},
        {"jitter_us", "Jitter", IN_JSON, true, get_jitter_us},
        {"jitter", "Jitter", IN_TEXT, true, get_jitter},
        {"rate_bps", "Rate", IN_BOTH, true, get_rate},
        {"queue_bytes", "Queue", IN_BOTH, true, get_queue},
};

#define EFFECT_TEXT_MAX 256

/* One rule; what columns read of a direction they read of its line. */
struct rule {
	struct line line; /* first */
	const Toynet__V1__ImpairRule *m;
	char match[MATCH_TEXT_MAX], effect[EFFECT_TEXT_MAX];
};

#define GET_NUMBER(name, member)                                                                                 \
	static struct value name(const void *item)                                                               \
	{                                                                                                        \
		return (struct value){.kind = VALUE_UNSIGNED, .number = ((const struct rule *)item)->m->member}; \
	}
#define GET_TEXT(name, member)                                                                          \
	static struct value name(const void *item)                                                      \
	{                                                                                               \
		return (struct value){.kind = VALUE_TEXT, .text = ((const struct rule *)item)->member}; \
	}
GET_NUMBER(get_id, id)
GET_NUMBER(get_frames, frames)
GET_NUMBER(get_lost, lost)
GET_NUMBER(get_source_port, match->source_port)
GET_NUMBER(get_destination_port, match->destination_port)
GET_NUMBER(get_port, match->port)
GET_NUMBER(get_protocol, match->protocol)
GET_NUMBER(get_socket, match->socket)
GET_TEXT(get_source, m->match->source)
GET_TEXT(get_destination, m->match->destination)
GET_TEXT(get_host, m->match->host)
GET_TEXT(get_match, match)
GET_TEXT(get_effect, effect)

static const struct column rule_columns[] = {
        {"id", "Rule", IN_BOTH, true, get_id},
        {"direction", "Direction", IN_BOTH, false, get_direction},
        {"match", "Match", IN_TEXT, false, get_match},
        {"source", "", IN_JSON, false, get_source},
        {"destination", "", IN_JSON, false, get_destination},
        {"host", "", IN_JSON, false, get_host},
        {"source_port", "", IN_JSON, false, get_source_port},
        {"destination_port", "", IN_JSON, false, get_destination_port},
        {"port", "", IN_JSON, false, get_port},
        {"protocol", "", IN_JSON, false, get_protocol},
        {"socket", "", IN_JSON, false, get_socket},
        {"effect", "Effect", IN_TEXT, false, get_effect},
        {"loss_ppm", "", IN_JSON, true, get_loss},
        {"burst_enter_ppm", "", IN_JSON, true, get_burst_enter},
        {"burst_leave_ppm", "", IN_JSON, true, get_burst_leave},
        {"duplicate_ppm", "", IN_JSON, true, get_duplicate},
        {"reorder_ppm", "", IN_JSON, true, get_reorder},
        {"reorder_us", "", IN_JSON, true, get_reorder_us},
        {"corrupt_ppm", "", IN_JSON, true, get_corrupt},
        {"delay_us", "", IN_JSON, true, get_delay_us},
        {"jitter_us", "", IN_JSON, true, get_jitter_us},
        {"rate_bps", "", IN_JSON, true, get_rate},
        {"queue_bytes", "", IN_JSON, true, get_queue},
        {"frames", "Frames", IN_BOTH, true, get_frames},
        {"lost", "Lost", IN_BOTH, true, get_lost},
};

/* The settings that are not zero, as they are typed. */
static void effect_text(const Direction *d, char to[EFFECT_TEXT_MAX])
{
	char operand[32];
	int n = 0;

	snprintf(to, EFFECT_TEXT_MAX, "none");
	for (size_t i = 0; i < SETTINGS && n < EFFECT_TEXT_MAX; i++) {
		for (size_t k = 0; k < OPERANDS && settings[i].operand[k].what; k++) {
			const struct operand *o = &settings[i].operand[k];

			if (!load(d, &settings[i].operand[0]))
				continue;
			o->format(operand, sizeof(operand), load(d, o));
			n += snprintf(to + n, (size_t)(EFFECT_TEXT_MAX - n), "%s%s%s%s", n ? " " : "",
			              k ? "" : settings[i].name, k ? "" : " ", operand);
		}
	}
}

static void show_rules(struct renderer *r, Toynet__V1__ImpairRule *const *rules, size_t count)
{
	render_table_begin(r, "rules", true, COLUMNS(rule_columns));
	for (size_t i = 0; i < count; i++) {
		bool in = rules[i]->direction == TOYNET__V1__LINK_DIRECTION__LINK_DIRECTION_IN;
		struct rule rule = {.line = {in ? "in" : "out", rules[i]->effect}, .m = rules[i]};

		if (!rule.m->match || !rule.m->effect)
			continue;
		match_text(rule.m->match, rule.match);
		effect_text(rule.m->effect, rule.effect);
		render_row(r, &rule);
	}
	render_table_end(r);
}

static void show(struct cli *c, const Toynet__V1__Impairment *m)
{
	static const Direction none = TOYNET__V1__IMPAIR_DIRECTION__INIT;
	const struct line lines[] = {{"in", m->in ? m->in : &none}, {"out", m->out ? m->out : &none}};
	struct renderer *r = render_new(c->json, stdout);

	render_table_begin(r, "impairment", true, COLUMNS(columns));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		render_row(r, &lines[i]);
	render_table_end(r);
	if (c->json || m->n_rules > 0)
		show_rules(r, m->rules, m->n_rules);
	render_end(r);
}

/* impair add: argv[2] on. */
static enum exit_status run_add(struct cli *c, int argc, char **argv)
{
	Toynet__V1__ImpairRule rule = TOYNET__V1__IMPAIR_RULE__INIT;
	Toynet__V1__FlowMatch match = TOYNET__V1__FLOW_MATCH__INIT;
	Direction effect = TOYNET__V1__IMPAIR_DIRECTION__INIT, *to[2] = {&effect, NULL};
	Toynet__V1__ImpairRule *added[2] = {NULL, NULL};
	bool both = argc > 2 && strcmp(argv[2], "both") == 0;
	size_t count = 0;
	enum exit_status status = EXIT_OK;

	if (argc < 3 || (!both && strcmp(argv[2], "in") != 0 && strcmp(argv[2], "out") != 0))
		return cli_usage(argv[0], "'add' needs a direction: in, out or both");
	for (int i = 3; i < argc && status == EXIT_OK; i++) {
		bool taken;

		status = match_take(argv[0], &match, argc, argv, &i, &taken);
		if (status == EXIT_OK && !taken)
			status = take_setting(to, argc, argv, &i);
	}
	rule.match = &match;
	rule.effect = &effect;
	for (int d = 0; d < 2 && status == EXIT_OK; d++) {
		ProtobufCMessage *answer = NULL;

		if (!both && strcmp(argv[2], d ? "out" : "in") != 0)
			continue;
		rule.direction = d ? TOYNET__V1__LINK_DIRECTION__LINK_DIRECTION_OUT
		                   : TOYNET__V1__LINK_DIRECTION__LINK_DIRECTION_IN;
		status = cli_call(c, "/toynet.v1.Admin/AddImpairRule", &rule.base, &toynet__v1__impair_rule__descriptor,
		                  &answer);
		if (status == EXIT_OK)
			added[count++] = (Toynet__V1__ImpairRule *)answer;
	}
	if (status == EXIT_OK) {
		struct renderer *r = render_new(c->json, stdout);

		show_rules(r, added, count);
		render_end(r);
	}
	for (size_t i = 0; i < count; i++)
		protobuf_c_message_free_unpacked(&added[i]->base, NULL);
	return status;
}

/* id 0: all. */
static enum exit_status delete_rule(struct cli *c, uint32_t id)
{
	Toynet__V1__DeleteImpairRuleRequest m = TOYNET__V1__DELETE_IMPAIR_RULE_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;

	m.id = id;
	enum exit_status status = cli_call(c, "/toynet.v1.Admin/DeleteImpairRule", &m.base,
	                                   &toynet__v1__delete_impair_rule_response__descriptor, &answer);
	if (status == EXIT_OK)
		protobuf_c_message_free_unpacked(answer, NULL);
	return status;
}

/* impair delete: argv[2] on. */
static enum exit_status run_delete(struct cli *c, int argc, char **argv)
{
	enum exit_status status = EXIT_OK;

	if (argc < 3)
		return cli_usage(argv[0], "'delete' needs the numbers of rules, or all");
	for (int i = 2; i < argc && status == EXIT_OK; i++) {
		uint64_t id = 0;

		if (strcmp(argv[i], "all") != 0 && (!parse_number(argv[i], &id) || id == 0 || id > UINT32_MAX))
			return cli_usage(argv[0], "'delete %s': this is not the number of a rule", argv[i]);
		status = delete_rule(c, (uint32_t)id);
	}
	return status;
}

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	Toynet__V1__Impairment change = TOYNET__V1__IMPAIRMENT__INIT;
	Toynet__V1__GetImpairmentRequest get = TOYNET__V1__GET_IMPAIRMENT_REQUEST__INIT;
	Direction in = TOYNET__V1__IMPAIR_DIRECTION__INIT, out = TOYNET__V1__IMPAIR_DIRECTION__INIT;
	enum exit_status status;
	ProtobufCMessage *answer = NULL;

	if (argc > 1 && strcmp(argv[1], "add") == 0)
		return run_add(c, argc, argv);
	if (argc > 1 && strcmp(argv[1], "delete") == 0)
		return run_delete(c, argc, argv);
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		argc = 1;
	status = parse(&change, &in, &out, argc, argv);
	if (status == EXIT_OK && argc > 1 && strcmp(argv[1], "off") == 0)
		status = delete_rule(c, 0);
	if (status != EXIT_OK)
		return status;
	if (argc == 1)
		status = cli_call(c, "/toynet.v1.Admin/GetImpairment", &get.base, &toynet__v1__impairment__descriptor,
		                  &answer);
	else
		status = cli_call(c, "/toynet.v1.Admin/SetImpairment", &change.base,
		                  &toynet__v1__impairment__descriptor, &answer);
	if (status != EXIT_OK)
		return status;
	show(c, (const Toynet__V1__Impairment *)answer);
	protobuf_c_message_free_unpacked(answer, NULL);
	return EXIT_OK;
}

const struct verb verb_impair = {
        .name = "impair",
        .summary = "shows and sets loss, delay, reordering ... below the stack",
        .help = "Usage: toynetctl impair [--json]\n"
                "       toynetctl impair off\n"
                "       toynetctl impair list\n"
                "       toynetctl impair add {in|out|both} [MATCH...] [SETTING...]\n"
                "       toynetctl impair delete {ID...|all}\n"
                "       toynetctl impair [seed N] {in|out|both} SETTING... [{in|out} SETTING...]\n"
                "Without arguments the settings in force. in is towards the stack, out away from it. A direction that "
                "is\n"
                "named gets just the settings that follow it; the other one stays as it was. The settings:\n"
                "  loss P          each frame is lost with probability P (2%, 100ppm)\n"
                "  burst P Q       bursts of loss: begun with probability P, left with Q, at each frame\n"
                "  duplicate P     each frame comes twice with probability P\n"
                "  reorder P TIME  with probability P a frame is held back for TIME (5ms)\n"
                "  corrupt P       one bit is flipped with probability P\n"
                "  delay TIME      every frame is late by TIME\n"
                "  jitter TIME     ... plus or minus up to TIME; the order is kept\n"
                "  rate R          at most R bits per second (10Mbit), behind a queue\n"
                "  queue SIZE      of the rate limiter (64K)\n"
                "add puts a rule behind those that a direction has. A frame meets the settings of the first rule that\n"
                "it fits, and those of the direction when it fits none. A rule without settings is an exception. off\n"
                "deletes the rules, too. The words of a match:\n" MATCH_HELP
                "Examples: toynetctl impair both loss 2% reorder 1% 5ms duplicate 1%\n"
                "          toynetctl impair add in proto tcp sport 80 loss 5%\n"
                "Changing needs root or the group toynet.\n",
        .run = run,
};
