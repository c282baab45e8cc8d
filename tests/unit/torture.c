/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/torture.h"

#include <stdlib.h>
#include <string.h>

enum { ALLOCATIONS_MAX = 100000 };

static size_t made;      /* allocations of this run so far */
static size_t failing;   /* the one that fails, from 1; 0: none does */
static bool all_further; /* and all after it */
static size_t struck;    /* how many failed */
static long held;        /* blocks taken and not given back */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
void __wrap_free(void *block);

static bool strikes(void)
{
    made++;
    bool strike = failing != 0 && (made == failing || (all_further && made > failing));
    struck += strike ? 1 : 0;
    return strike;
}

static void *taken(void *block)
{
    held += block != NULL ? 1 : 0;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return strikes() ? NULL : taken(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return strikes() ? NULL : taken(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (strikes()) {
        return NULL;
    }
    void *moved = __real_realloc(block, size);
    return block == NULL ? taken(moved) : moved;
}

char *__wrap_strndup(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    char *copy = strikes() ? NULL : taken(__real_malloc(length + 1));
    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, SIZE_MAX);
}

void __wrap_free(void *block)
{
    held -= block != NULL ? 1 : 0;
    __real_free(block);
}

bool torture_has_struck(void)
{
    return struck > 0;
}

/* True when nothing was made to fail, because the operation makes fewer allocations. */
static bool run(torture_fn *operation, void *context, enum ts_error_class class)
{
    struct ts_error err = {0};
    long held_before = held;
    made = 0;
    struck = 0;
    bool good = operation(context, &err);
    failing = 0; /* cmocka's own, in what follows */
    bool harmless = struck == 0;
    assert_int_equal(held, held_before);
    assert_int_equal(err.class, good ? TS_ERROR_NONE : class);
    assert_true(good || err.text[0] != '\0');
    assert_true(good || !harmless);
    return harmless;
}

size_t torture(torture_fn *operation, void *context, enum ts_error_class class)
{
    size_t count = 0;
    for (int further = 0; further < 2; further++) {
        for (count = 1; count < ALLOCATIONS_MAX; count++) {
            failing = count;
            all_further = further != 0;
            if (run(operation, context, class)) {
                break;
            }
        }
        assert_true(count < ALLOCATIONS_MAX);
    }
    return count - 1;
}
