/* SPDX-License-Identifier: MIT */
/*
 * Sums of what devices have. Reads the memory and changes nothing: no line gets dirty.
 *
 * At ASH_CHECK 1 each part that the device has is summed at its ends only, so that a mapping costs
 * the same however long it is; that finds memory that is filled anew, freed, or shared with what
 * lies before or behind it, but no single write into the middle.
 */
#include "alloc/dma_sum.h"

#define WORD   sizeof(uint32_t)
#define FACTOR 0x9e3779b9u /* odd: whatever changes one word changes the sum */

typedef uint32_t sum_word_t __attribute__((may_alias));

static uint32_t sum_add(uint32_t sum, uint32_t value)
{
    return ((sum << 5 | sum >> 27) ^ value) * FACTOR;
}

/* Aligned words, as the memory may be of a type that allows no others. */
static uint32_t sum_bytes(uint32_t sum, const uint8_t *from, size_t size)
{
    const uint8_t *end = from + size, *words_end;

    while (from < end && (uintptr_t)from % WORD != 0) {
        sum = sum_add(sum, *from++);
    }
    words_end = from + ash_align_down((uintptr_t)(end - from), WORD);
    for (; from != words_end; from += WORD) {
        sum = sum_add(sum, *(const sum_word_t *)(const void *)from);
    }
    while (from != end) {
        sum = sum_add(sum, *from++);
    }
    return sum;
}

static uint32_t sum_part(uint32_t sum, const uint8_t *from, size_t size)
{
    if (ASH_CHECK >= 2 || size <= 2 * (size_t)ASH_DMA_SUMMED) {
        return sum_bytes(sum, from, size);
    }
    sum = sum_bytes(sum, from, ASH_DMA_SUMMED);
    return sum_bytes(sum, from + size - ASH_DMA_SUMMED, ASH_DMA_SUMMED);
}

uint32_t dma_sum(const struct ash_dma_mapping *mapping)
{
    const uint8_t *bytes = mapping->original != NULL ? mapping->original : mapping->memory;
    uint32_t sum = 1;
    size_t at = 0;

    if (ASH_CHECK < 1 || (mapping->original == NULL && mapping->direction != ASH_DMA_TO_DEVICE)) {
        return 0;
    }
    for (unsigned i = 0; i < mapping->held.count; i++) {
        sum = sum_part(sum, bytes + at, mapping->held.part[i].begin - at);
        at = mapping->held.part[i].end;
    }
    return sum_part(sum, bytes + at, mapping->size - at);
}
