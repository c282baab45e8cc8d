/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_MAX = 80, REGIONS_MAX = 300, EXPANDED_MAX = 100000 };

/* A line of the plan: "1212", or "12423[234]" with classes. */
struct pattern {
    char digits[PATTERN_MAX];
    uint16_t region;
    uint8_t kind;
    bool mobile;
};

struct group {
    uint32_t first;
    uint32_t count;
};

struct region {
    char name[4];
    struct group groups[LG_NUMBER_KINDS];
};

struct lg_numbers {
    struct pattern *patterns; /* by region and kind */
    size_t count;
    struct region regions[REGIONS_MAX];
    uint32_t region_count;
};

static uint32_t add_region(struct lg_numbers *numbers, const char *name)
{
    uint32_t i = 0;
    while (i < numbers->region_count && strcmp(numbers->regions[i].name, name) != 0) {
        i++;
    }
    if (i == numbers->region_count && i < REGIONS_MAX) {
        snprintf(numbers->regions[i].name, sizeof numbers->regions[i].name, "%.3s", name);
        numbers->region_count++;
    }
    return i;
}

/* Lines of other types are not drawn from, but a deck has prices for them, too. */
static void classify(const char *type, struct pattern *out)
{
    out->mobile = strstr(type, "mobile") != NULL && strstr(type, "fixed") == NULL;
    if (strcmp(type, "toll_free") == 0) {
        out->kind = LG_NUMBER_TOLL_FREE;
    } else if (strcmp(type, "premium_rate") == 0) {
        out->kind = LG_NUMBER_PREMIUM;
    } else if (strstr(type, "fixed") != NULL || strstr(type, "mobile") != NULL) {
        out->kind = LG_NUMBER_ORDINARY;
    } else {
        out->kind = LG_NUMBER_KINDS;
    }
}

static bool parse_line(struct lg_numbers *numbers, const char *line, struct pattern *out)
{
    char region[4];
    char type[32];
    const char *comma = strchr(line, ',');
    if (comma == NULL || comma == line || (size_t)(comma - line) >= PATTERN_MAX) {
        return false;
    }
    memcpy(out->digits, line, (size_t)(comma - line));
    out->digits[comma - line] = '\0';
    const char *rest = strchr(comma + 1, ','); /* over `digits`, how long numbers are */
    if (rest == NULL || sscanf(rest + 1, "%3[^,],%31[a-z_]", region, type) != 2 ||
        strcmp(region, "ZZ") == 0) {
        return false;
    }
    uint32_t index = add_region(numbers, region);
    out->region = (uint16_t)index;
    classify(type, out);
    return index < REGIONS_MAX;
}

static int by_group(const void *a, const void *b)
{
    const struct pattern *left = a;
    const struct pattern *right = b;
    if (left->region != right->region) {
        return left->region < right->region ? -1 : 1;
    }
    if (left->kind != right->kind) {
        return left->kind < right->kind ? -1 : 1;
    }
    return strcmp(left->digits, right->digits);
}

static void index_groups(struct lg_numbers *numbers)
{
    qsort(numbers->patterns, numbers->count, sizeof *numbers->patterns, by_group);
    for (uint32_t i = 0; i < numbers->count; i++) {
        const struct pattern *pattern = &numbers->patterns[i];
        if (pattern->kind == LG_NUMBER_KINDS) {
            continue;
        }
        struct group *group = &numbers->regions[pattern->region].groups[pattern->kind];
        group->first = group->count == 0 ? i : group->first;
        group->count++;
    }
}

struct lg_numbers *lg_numbers_create(struct ts_bytes plan_csv, struct ts_error *err)
{
    size_t lines = 0;
    for (size_t i = 0; i < plan_csv.size; i++) {
        lines += plan_csv.data[i] == '\n';
    }
    struct lg_numbers *numbers = calloc(1, sizeof *numbers);
    if (numbers != NULL) {
        numbers->patterns = calloc(lines + 1, sizeof *numbers->patterns);
    }
    if (numbers == NULL || numbers->patterns == NULL) {
        lg_numbers_destroy(numbers);
        ts_error_no_memory(err);
        return NULL;
    }
    const char *p = plan_csv.data;
    const char *end = p + plan_csv.size;
    while (p < end) {
        char line[PATTERN_MAX + 64];
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t size = (size_t)((newline == NULL ? end : newline) - p);
        if (p[0] >= '0' && p[0] <= '9' && size < sizeof line) {
            memcpy(line, p, size);
            line[size] = '\0';
            numbers->count += parse_line(numbers, line, &numbers->patterns[numbers->count]);
        }
        p += size + 1;
    }
    index_groups(numbers);
    if (numbers->region_count == 0) {
        ts_error_set(err, TS_ERROR_REJECT, 0, "the numbering plan holds no prefix");
        lg_numbers_destroy(numbers);
        return NULL;
    }
    return numbers;
}

void lg_numbers_destroy(struct lg_numbers *numbers)
{
    if (numbers != NULL) {
        free(numbers->patterns);
        free(numbers);
    }
}

uint32_t lg_numbers_region(const struct lg_numbers *numbers, const char *region)
{
    for (uint32_t i = 0; i < numbers->region_count; i++) {
        if (strcmp(numbers->regions[i].name, region) == 0) {
            return i;
        }
    }
    return 0;
}

uint32_t lg_numbers_region_count(const struct lg_numbers *numbers)
{
    return numbers->region_count;
}

const char *lg_numbers_region_name(const struct lg_numbers *numbers, uint32_t region)
{
    return numbers->regions[region].name;
}

/* Digits of a whole number, calling code included, as they usually are there. */
static size_t usual_length(const char *digits)
{
    static const struct {
        const char *code;
        size_t length;
    } lengths[] = {{"1", 11},
                   {"7", 11},
                   {"33", 11},
                   {"34", 11},
                   {"45", 10},
                   {"55", 13},
                   {"61", 11},
                   {"65", 10},
                   {"800", 11},
                   {"86", 13}};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        if (strncmp(digits, lengths[i].code, strlen(lengths[i].code)) == 0) {
            return lengths[i].length;
        }
    }
    return 12;
}

static size_t draw_pattern(const char *pattern, struct lg_random *random, char *out)
{
    size_t size = 0;
    out[size++] = '+';
    for (const char *p = pattern; *p != '\0' && size < LG_PREFIX_MAX; p++) {
        if (*p != '[') {
            out[size++] = *p;
            continue;
        }
        const char *close = strchr(p, ']');
        if (close == NULL) {
            break;
        }
        out[size++] = p[1 + lg_random_below(random, (uint64_t)(close - p - 1))];
        p = close;
    }
    return size;
}

size_t lg_numbers_draw(const struct lg_numbers *numbers,
                       struct lg_random *random,
                       uint32_t region,
                       enum lg_number_kind kind,
                       char out[LG_NUMBER_MAX])
{
    const struct group *group = &numbers->regions[region].groups[kind];
    if (group->count == 0) {
        group = &numbers->regions[region].groups[LG_NUMBER_ORDINARY];
    }
    const char *pattern = "1212555";
    if (group->count > 0) {
        pattern = numbers->patterns[group->first + lg_random_below(random, group->count)].digits;
    }
    size_t size = draw_pattern(pattern, random, out);
    size_t length = usual_length(out + 1) + 1;
    uint64_t digits = lg_random_next(random);
    for (; size < length; digits /= 10) {
        out[size++] = (char)('0' + digits % 10);
    }
    out[size] = '\0';
    return size;
}

struct expansion {
    const struct lg_numbers *numbers;
    struct lg_prefix *prefixes;
    size_t count;
};

/* Adds what `rest` of a pattern stands for after the first `size` digits. */
static void expand(struct expansion *to,
                   const struct pattern *pattern,
                   const char *rest,
                   char digits[LG_PREFIX_MAX],
                   size_t size)
{
    while (*rest != '\0' && *rest != '[' && size < LG_PREFIX_MAX - 1) {
        digits[size++] = *rest++;
    }
    const char *close = *rest == '[' ? strchr(rest, ']') : NULL;
    if (close != NULL && size < LG_PREFIX_MAX - 1) {
        for (const char *digit = rest + 1; digit < close; digit++) {
            digits[size] = *digit;
            expand(to, pattern, close + 1, digits, size + 1);
        }
    } else if (to->count < EXPANDED_MAX) {
        struct lg_prefix *prefix = &to->prefixes[to->count++];
        memcpy(prefix->digits, digits, size);
        prefix->digits[size] = '\0';
        memcpy(prefix->region, to->numbers->regions[pattern->region].name, sizeof prefix->region);
        prefix->mobile = pattern->mobile;
    }
}

static int by_digits(const void *a, const void *b)
{
    return strcmp(((const struct lg_prefix *)a)->digits, ((const struct lg_prefix *)b)->digits);
}

struct lg_prefix *lg_numbers_prefixes(const struct lg_numbers *numbers, size_t *count)
{
    struct expansion to = {numbers, calloc(EXPANDED_MAX, sizeof(struct lg_prefix)), 0};
    if (to.prefixes == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < numbers->count; i++) {
        char digits[LG_PREFIX_MAX];
        expand(&to, &numbers->patterns[i], numbers->patterns[i].digits, digits, 0);
    }
    qsort(to.prefixes, to.count, sizeof *to.prefixes, by_digits);
    size_t kept = 0;
    for (size_t i = 0; i < to.count; i++) {
        if (kept == 0 || strcmp(to.prefixes[kept - 1].digits, to.prefixes[i].digits) != 0) {
            to.prefixes[kept++] = to.prefixes[i];
        }
    }
    *count = kept;
    return to.prefixes;
}
