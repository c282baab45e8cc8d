/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fakes/fake_fiber.h"

#include "base/assert.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

/* The address sanitizer must be told of every change of stacks. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define SWITCH_BEGIN(save, bottom, size) __sanitizer_start_switch_fiber(save, bottom, size)
#define SWITCH_END(save, bottom, size) __sanitizer_finish_switch_fiber(save, bottom, size)
#define FORGET_STACK(stack, size) __asan_unpoison_memory_region(stack, size)
#else
#define SWITCH_BEGIN(save, bottom, size) ((void)(save), (void)(bottom), (void)(size))
#define SWITCH_END(save, bottom, size) ((void)(save), (void)(bottom), (void)(size))
#define FORGET_STACK(stack, size) ((void)(stack), (void)(size))
#endif

enum { STACK_SIZE = 512 * 1024 };

struct fake_fiber {
    struct fake_fiber *next; /* among those free */
    ucontext_t context;
    char *stack;
    void *sanitizer;
    void (*run)(void *argument);
    void *argument;
    bool done;
};

static struct fake_fiber *free_fibers;
static struct fake_fiber *current;
static ucontext_t outside;
static const void *outside_bottom;
static size_t outside_size;

static void begin(void)
{
    SWITCH_END(NULL, &outside_bottom, &outside_size);
    current->run(current->argument);
    current->done = true;
    SWITCH_BEGIN(NULL, outside_bottom, outside_size);
    swapcontext(&current->context, &outside);
}

/* Apart, because getcontext returns twice as far as the compiler knows. */
static __attribute__((noinline)) void prepare(ucontext_t *context, char *stack)
{
    TS_ASSERT(getcontext(context) == 0);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = STACK_SIZE;
    context->uc_link = NULL;
    makecontext(context, begin, 0);
}

struct fake_fiber *fake_fiber_create(void (*run)(void *argument), void *argument)
{
    struct fake_fiber *fiber = free_fibers;
    if (fiber != NULL) {
        free_fibers = fiber->next;
    } else {
        fiber = calloc(1, sizeof *fiber);
        TS_ASSERT(fiber != NULL);
        fiber->stack = mmap(NULL,
                            STACK_SIZE,
                            PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK,
                            -1,
                            0);
        TS_ASSERT(fiber->stack != MAP_FAILED);
    }
    fiber->run = run;
    fiber->argument = argument;
    fiber->done = false;
    fiber->sanitizer = NULL;
    prepare(&fiber->context, fiber->stack);
    return fiber;
}

void fake_fiber_destroy(struct fake_fiber *fiber)
{
    if (fiber != NULL) {
        TS_ASSERT(fiber != current);
        FORGET_STACK(fiber->stack, STACK_SIZE);
        fiber->next = free_fibers;
        free_fibers = fiber;
    }
}

void fake_fiber_resume(struct fake_fiber *fiber)
{
    TS_ASSERT(current == NULL && !fiber->done);
    void *sanitizer = NULL;
    current = fiber;
    SWITCH_BEGIN(&sanitizer, fiber->stack, (size_t)STACK_SIZE);
    swapcontext(&outside, &fiber->context);
    SWITCH_END(sanitizer, NULL, NULL);
    current = NULL;
}

bool fake_fiber_done(const struct fake_fiber *fiber)
{
    return fiber->done;
}

bool fake_fiber_inside(void)
{
    return current != NULL;
}

void fake_fiber_yield(void)
{
    struct fake_fiber *fiber = current;
    SWITCH_BEGIN(&fiber->sanitizer, outside_bottom, outside_size);
    swapcontext(&fiber->context, &outside);
    SWITCH_END(fiber->sanitizer, &outside_bottom, &outside_size);
}
