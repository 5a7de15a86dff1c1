/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the early memory map against two bits a page: which is RAM, which is spoken for.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ashlar/regions.h"
#include "tests/fuzz/fuzz.h"

#define PAGES  192u
#define BASE   0xfff00000u /* the middle of it is 4 GiB */
#define LENGTH ((uint64_t)PAGES * ASH_PAGE_SIZE)

struct bits {
    bool page[PAGES];
};

static struct ash_regions regions;
static struct bits ram, reserved;

static unsigned runs_of(const struct bits *bits)
{
    unsigned runs = 0;

    for (unsigned i = 0; i < PAGES; i++) {
        runs += bits->page[i] && (i == 0 || !bits->page[i - 1]);
    }
    return runs;
}

static bool is_free(unsigned page)
{
    return ram.page[page] && !reserved.page[page];
}

/* A change of a list: it must happen if there is room for one more range than there will be. */
static void change(struct bits *bits, unsigned first, unsigned end, unsigned capacity, int error)
{
    struct bits after = *bits;

    for (unsigned i = first; i < end; i++) {
        after.page[i] = true;
    }
    if (error == 0) {
        *bits = after;
        return;
    }
    MUST(error == ASH_ENOMEM);
    MUST(runs_of(bits) == capacity || runs_of(&after) > capacity);
}

static void add(struct ash_range range)
{
    uint64_t offset = range.base.value - BASE;
    unsigned first = (unsigned)((offset + ASH_PAGE_SIZE - 1) / ASH_PAGE_SIZE);
    unsigned end = (unsigned)((offset + range.size) / ASH_PAGE_SIZE);
    int error = ash_regions_add(&regions, range);

    if (range.size == 0) {
        MUST(error == ASH_EINVAL);
    } else {
        change(&ram, first, end, ASH_REGIONS_RAM, error);
    }
}

static void reserve(struct ash_range range)
{
    uint64_t offset = range.base.value - BASE;
    unsigned first = (unsigned)(offset / ASH_PAGE_SIZE);
    unsigned end = (unsigned)((offset + range.size + ASH_PAGE_SIZE - 1) / ASH_PAGE_SIZE);
    int error = ash_regions_reserve(&regions, range);

    if (range.size == 0) {
        MUST(error == ASH_EINVAL);
    } else {
        change(&reserved, first, end, ASH_REGIONS_RESERVED, error);
    }
}

/* The highest first page for so many, all of them free and below `end`; PAGES if there is none. */
static unsigned highest(unsigned pages, unsigned align, unsigned end)
{
    for (unsigned first = end; first-- > 0;) {
        unsigned run = 0;

        while (run < pages && first + run < end && is_free(first + run)) {
            run++;
        }
        if (run == pages && (BASE / ASH_PAGE_SIZE + first) % align == 0) {
            return first;
        }
    }
    return PAGES;
}

static void take(unsigned bytes, unsigned align_log2, unsigned end)
{
    unsigned pages = (unsigned)((bytes + ASH_PAGE_SIZE - 1) / ASH_PAGE_SIZE);
    unsigned align = align_log2 <= ASH_PAGE_SHIFT ? 1 : 1u << (align_log2 - ASH_PAGE_SHIFT);
    unsigned expected = bytes == 0 ? PAGES : highest(pages, align, end);
    ash_pa_t base;
    int error = ash_regions_take(&regions, bytes, (uint64_t)1 << align_log2,
                                 BASE + (uint64_t)end * ASH_PAGE_SIZE, &base);

    if (bytes == 0) {
        MUST(error == ASH_EINVAL);
    } else if (expected == PAGES) {
        MUST(error == ASH_ENOMEM);
    } else {
        change(&reserved, expected, expected + pages, ASH_REGIONS_RESERVED, error);
        MUST(error != 0 || base.value == BASE + (uint64_t)expected * ASH_PAGE_SIZE);
    }
}

static void check_free(void)
{
    struct ash_range range;
    uint64_t cursor = 0;
    unsigned page = 0;

    while (ash_regions_next_free(&regions, &cursor, &range)) {
        uint64_t offset = range.base.value - BASE;

        for (; page < offset / ASH_PAGE_SIZE; page++) {
            MUST(!is_free(page));
        }
        for (; page < (offset + range.size) / ASH_PAGE_SIZE; page++) {
            MUST(is_free(page));
        }
        MUST(page == PAGES || !is_free(page));
    }
    for (; page < PAGES; page++) {
        MUST(!is_free(page));
    }
}

static void ask(struct ash_range range)
{
    uint64_t offset = range.base.value - BASE;
    bool all = range.size != 0, any = false;

    for (uint64_t at = offset; at < offset + range.size; at = (at | (ASH_PAGE_SIZE - 1)) + 1) {
        all = all && ram.page[at / ASH_PAGE_SIZE];
        any = any || reserved.page[at / ASH_PAGE_SIZE];
    }
    MUST(ash_regions_is_ram(&regions, range) == all);
    MUST(ash_regions_is_reserved(&regions, range) == any);
}

/* Six bytes an operation: which, where, how much, on whole pages or not. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ash_regions_init(&regions);
    memset(&ram, 0, sizeof ram);
    memset(&reserved, 0, sizeof reserved);
    for (; size >= 6; data += 6, size -= 6) {
        bool whole = (data[0] & 0x80) != 0;
        uint64_t start = (uint64_t)(data[1] % PAGES) * ASH_PAGE_SIZE + (whole ? 0 : data[2] * 16u);
        uint64_t length = (uint64_t)(data[3] % 16) * ASH_PAGE_SIZE + (whole ? 0 : data[4] * 16u);
        struct ash_range range = {ash_pa(BASE + start),
                                  length < LENGTH - start ? length : LENGTH - start};

        fuzz_steps++;
        switch (data[0] % 8) {
        case 0:
        case 1:
            add(range);
            break;
        case 2:
            reserve(range);
            break;
        case 3:
        case 4:
            take((unsigned)length, data[5] % 17, data[1] % (PAGES + 1));
            break;
        case 5:
            check_free();
            break;
        default:
            ask(range);
            break;
        }
    }
    check_free();
    return 0;
}
