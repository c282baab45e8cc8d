/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/poison.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { ALIGNMENT = 16 };

struct ts_arena_block {
    struct ts_arena_block *next;
    size_t used;
    size_t capacity;
    alignas(ALIGNMENT) char data[];
};

void ts_arena_init(struct ts_arena *arena, size_t block_size, size_t size_max)
{
    *arena = (struct ts_arena){.block_size = block_size, .size_max = size_max};
}

static void free_blocks(struct ts_arena_block *block)
{
    while (block != NULL) {
        struct ts_arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void ts_arena_finish(struct ts_arena *arena)
{
    free_blocks(arena->blocks);
    *arena = (struct ts_arena){0};
}

void ts_arena_reset(struct ts_arena *arena)
{
    struct ts_arena_block *kept = arena->blocks;
    if (kept != NULL) {
        free_blocks(kept->next);
        kept->next = NULL;
        kept->used = 0;
        ts_poison(kept->data, kept->capacity);
        if (kept->capacity > arena->block_size) {
            free(kept); /* made for one oversized piece: not worth keeping */
            arena->blocks = NULL;
        }
    }
    arena->size = 0;
}

static struct ts_arena_block *add_block(struct ts_arena *arena, size_t size)
{
    size_t capacity = size > arena->block_size ? size : arena->block_size;
    struct ts_arena_block *block = malloc(sizeof *block + capacity);
    if (block != NULL) {
        block->next = arena->blocks;
        block->used = 0;
        block->capacity = capacity;
        ts_poison(block->data, capacity);
        arena->blocks = block;
    }
    return block;
}

void *ts_arena_take(struct ts_arena *arena, size_t size)
{
    if (size > arena->size_max - arena->size || size > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct ts_arena_block *block = arena->blocks;
    if (block == NULL || rounded > block->capacity - block->used) {
        block = add_block(arena, rounded);
        if (block == NULL) {
            return NULL;
        }
    }
    void *at = block->data + block->used;
    ts_unpoison(at, size);
    block->used += rounded;
    arena->size += size;
    return at;
}

struct ts_bytes ts_arena_copy(struct ts_arena *arena, struct ts_bytes bytes)
{
    if (bytes.data == NULL) {
        return bytes;
    }
    char *at = ts_arena_take(arena, bytes.size + 1);
    if (at == NULL) {
        return (struct ts_bytes){NULL, SIZE_MAX};
    }
    memcpy(at, bytes.data, bytes.size);
    at[bytes.size] = '\0';
    return (struct ts_bytes){at, bytes.size};
}
