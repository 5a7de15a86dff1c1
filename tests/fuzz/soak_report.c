/* SPDX-License-Identifier: MIT */
/*
 * Reports of a map against its shadow: dump, dump_raw, explain; and damage that verify must tell.
 */
#include "tests/fuzz/soak_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char printed[512 * 1024];
static size_t length;

static int __attribute__((format(printf, 1, 2))) capture(const char *format, ...)
{
    va_list arguments;
    int written;

    va_start(arguments, format);
    written = vsnprintf(printed + length, sizeof printed - length, format, arguments);
    va_end(arguments);
    SOAK_CHECK(written >= 0 && (size_t)written < sizeof printed - length);
    length += (size_t)written;
    return written;
}

/* Whether `next` goes on where `pages` from `run` on end, whatever happened to them. */
static bool continues(const struct shadow_run *run, uint64_t pages, const struct shadow_run *next)
{
    ash_mmu_attr_t state = ASH_MMU_OLD | ASH_MMU_CLEAN | SHADOW_HIDDEN;

    return next->page == run->page + pages && next->frame == run->frame + pages &&
           ((next->attr ^ run->attr) & ~state) == 0;
}

static void check_raw(const struct soak *soak)
{
    static const char *const access[] = {"r---", "rw--", "r-x-", NULL,
                                         "r--u", "rw-u", "r-xu", NULL};
    static const char *const types[] = {"normal", "uncached", "device", "strict"};
    const char *line = printed;
    char expected[160];

    length = 0;
    printed[0] = '\0';
    ash_mmu_dump_raw(&soak->map, capture);
    for (const struct shadow_run *run = soak->shadow->run, *end = run + soak->shadow->runs;
         run < end;) {
        const struct shadow_run *next = run + 1;
        uint64_t pages = run->pages;
        int size;

        for (; next < end && continues(run, pages, next) && next->level == run->level; next++) {
            pages += next->pages;
        }
        size = snprintf(
            expected, sizeof expected, "map 0x%" PRIx64 " 0x%" PRIx64 " 0x%" PRIx64 " %u %s %s\n",
            (uint64_t)soak_va(soak, run->page).value, run->frame << ASH_PAGE_SHIFT,
            pages << ASH_PAGE_SHIFT, run->level, types[run->attr >> 8 & 3], access[run->attr & 7]);

        if (strncmp(line, expected, (size_t)size) != 0) {
            soak_fail("dump_raw prints \"%.60s\", not \"%s\"", line, expected);
        }
        line += size;
        run = next;
    }
    SOAK_SAME(*line, 0);
}

/* Neighbours that continue each other are one line, whatever their entries' sizes. */
static void check_folded(const struct soak *soak)
{
    const struct shadow_run *run = soak->shadow->run, *end = run + soak->shadow->runs;
    const char *line = strchr(printed, '\n');
    unsigned long long kib = 0, value;
    unsigned tables;
    char unit;

    SOAK_CHECK(line != NULL);
    for (line++; run < end;) {
        uint64_t first, last, from = soak_va(soak, run->page).value, pages = run->pages;
        const struct shadow_run *next = run + 1;

        for (; next < end && continues(run, pages, next); next++) {
            pages += next->pages;
        }
        SOAK_CHECK(sscanf(line, " 0x%" SCNx64 "-0x%" SCNx64, &first, &last) == 2);
        SOAK_SAME(first, from);
        SOAK_SAME(last, from + ((pages << ASH_PAGE_SHIFT) - 1));
        kib += pages * (ASH_PAGE_SIZE / 1024);
        run = next;
        line = strchr(line, '\n');
        SOAK_CHECK(line != NULL);
        line++;
    }
    SOAK_CHECK(sscanf(line, " %llu %ciB mapped, %u tables", &value, &unit, &tables) == 3);
    SOAK_SAME(unit == 'G' ? value << 20 : unit == 'M' ? value << 10 : value, kib);
    SOAK_SAME(tables, soak->in_use);
}

static void check_explained(const struct soak *soak, uint64_t page)
{
    const struct shadow_run *run = shadow_after(soak->shadow, page);
    uint64_t va = soak_va(soak, page).value + 0x123;
    const char *found;
    uint64_t pa;

    length = 0;
    ash_mmu_explain(&soak->map, ash_va(va), capture);
    found = strstr(printed, "  PA 0x");
    if (page >= soak->shadow->pages) {
        SOAK_CHECK(strstr(printed, "outside") != NULL && found == NULL);
    } else if (run == NULL || run->page > page) {
        SOAK_CHECK(strstr(printed, "translation fault") != NULL && found == NULL);
    } else {
        SOAK_CHECK(found != NULL && sscanf(found, "  PA 0x%" SCNx64, &pa) == 1);
        SOAK_SAME(pa, ((run->frame + (page - run->page)) << ASH_PAGE_SHIFT) + 0x123);
    }
}

void soak_check_dump(struct soak *soak, uint64_t page)
{
    check_raw(soak);
    length = 0;
    ash_mmu_dump(&soak->map, capture);
    check_folded(soak);
    check_explained(soak, page);
    check_explained(soak, soak->shadow->pages);
}

/* An entry on the path to a page: in the table where the walk ends, or in one before it. */
static uint64_t *entry_on_path(const struct soak *soak, uint64_t page, unsigned up, unsigned *level)
{
    uint64_t *path[4], *table = port_ptr(ash_mmu_root(&soak->map)), *entry;

    for (*level = soak->format->start;; ++*level) {
        entry = table + (page / shadow_reach(*level) & 511);
        path[*level] = entry;
        if (*level == 3 || (*entry & 3) != 3) {
            break;
        }
        table = port_ptr(ash_pa(*entry & 0xfffffffff000));
    }
    while (up > 0 && *level > soak->format->start) {
        up--;
        --*level;
    }
    return path[*level];
}

/* Something that no map may hold in place of the descriptor. */
static uint64_t damaged(const struct soak *soak, uint64_t old, unsigned level, unsigned detail)
{
    bool lpae = soak->format->sim == SIM_LPAE;
    uint64_t count = old >> 2 & 0x3ff;

    if ((old & 1) == 0) {
        return detail % 2 ? 0x7ff0 : 3; /* rubbish; a table at 0, that is not counted */
    }
    if (level < 3 && (old & 3) == 3) {
        switch (detail % 7) {
        case 0:
            return 0;
        case 6:
            return old & ~2ull; /* a block, where none can be or with rubbish for attributes */
        case 1:
            return (old & ~(0x3ffull << 2)) | (count == 512 ? 511 : count + 1) << 2;
        case 2:
            return (old & ~(0x3ffull << 2)) | (count - 1) << 2;
        case 3:
            return old & ~1ull;
        case 4:
            return lpae ? old | 1ull << 41 : old ^ 1ull << 46; /* not RAM */
        default:
            return old | 1ull << (59 + detail / 7 % 5);
        }
    }
    switch (detail % 13) {
    case 0:
        return 0;
    case 1:
        return old & ~1ull;
    case 2:
        /* AF, which is state in some maps; a global entry, or not */
        return old ^ 1ull << (soak->config.track ? 11 : 10);
    case 3:
        return old & ~(1ull << 8); /* outer shareable */
    case 4:
        return old ^ 1ull << 11; /* nG */
    case 5:
        return (old | 2ull << 2) & ~(3ull << 53); /* executable device */
    case 6:
        return old & ~(1ull << 7 | 3ull << 53); /* writable code */
    case 7:
        return level == 3 ? old & ~2ull : old | 1ull << 12; /* reserved type; misaligned */
    case 8:
        return old | (lpae ? 1ull << 40 : 1ull << 48); /* out of reach; reserved */
    case 9:
        return old | 1ull << 4; /* an index of MAIR that is not used */
    case 10:
        return old | 1ull << 5; /* NS */
    case 11:
        return old ^ 1ull << 52; /* one entry alone */
    default:
        return old | 1ull << (lpae ? 50 : 49); /* reserved */
    }
}

static void expect_error(const struct soak *soak)
{
    struct ash_mmu_report report;

    SOAK_SAME(ash_mmu_verify(&soak->map, NULL), ASH_ECORRUPT);
    SOAK_SAME(ash_mmu_verify(&soak->map, &report), ASH_ECORRUPT);
    SOAK_CHECK(report.errors > 0 && report.what != NULL);
}

void soak_check_damage(struct soak *soak, uint64_t page, unsigned detail)
{
    unsigned level;
    uint64_t *entry, old;

    if (detail % 16 == 0) {
        soak->map.counters.tables++;
        expect_error(soak);
        soak->map.counters.tables--;
        return;
    }
    if (detail % 16 == 1) {
        soak->map.root_count ^= 1;
        expect_error(soak);
        soak->map.root_count ^= 1;
        return;
    }
    /* Past the end of a small map, whose root has room for more. */
    if (detail % 16 == 2 && soak->shadow->pages < 512 * shadow_reach(soak->format->start)) {
        entry = port_ptr(ash_mmu_root(&soak->map));
        entry += 511 - detail / 16 % 8;
        *entry = soak_attributes(soak, 0) | 1;
        soak->map.root_count++;
        expect_error(soak);
        soak->map.root_count--;
        *entry = 0;
        return;
    }
    entry = entry_on_path(soak, page, detail / 16 % 4, &level);
    old = *entry;
    *entry = damaged(soak, old, level, detail / 64);
    expect_error(soak);
    *entry = old;
}
