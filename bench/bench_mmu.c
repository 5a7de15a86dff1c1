/* SPDX-License-Identifier: MIT */
/*
 * Translation tables: three levels, a root that is not the running one, addresses from 0 of that
 * root's range. Tables come from a stack of frames that are zero already, so what is counted is
 * mmu's own work.
 */
#include "ashlar/frames.h"
#include "ashlar/mmu.h"
#include "bench/bench.h"

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define POOL_ORDER 9u
#define POOL       (1u << POOL_ORDER) /* frames for tables */
#define PAGES      512u               /* of a table */
#define SINGLE     256u               /* samples of operations on one page */
#define RUNS       16u                /* ... on 512 pages */
#define RANGES     1000u
#define ASID       1u

static struct ash_mmu map;
static struct bench bench;
static ash_pa_t pool[POOL];
static unsigned pool_left;

static int take(void *context, ash_pa_t *table)
{
    (void)context;
    if (pool_left == 0) {
        return ASH_ENOMEM;
    }
    *table = pool[--pool_left];
    return 0;
}

static void give(void *context, ash_pa_t table)
{
    (void)context;
    pool[pool_left++] = table;
}

static void fill_pool(void)
{
    ash_frame_t first;

    BENCH_CHECK(ash_frames_alloc(POOL_ORDER, ASH_FRAMES_ZERO, &first) == 0);
    for (unsigned i = 0; i < POOL; i++) {
        pool[i] = ash_pa(ash_frame_pa(first).value + i * ASH_PAGE_SIZE);
    }
    pool_left = POOL;
}

static void make_map(void)
{
    const struct ash_mmu_config config = {
        .va_bits = sizeof(uintptr_t) == 4 ? 32 : 39,
        .asid = ASID,
        .tables = {.take = take, .give = give},
    };

    BENCH_CHECK(ash_mmu_init(&map, &config) == 0);
}

static void destroy_map(void)
{
    BENCH_CHECK(ash_mmu_verify(&map, NULL) == 0);
    ash_mmu_destroy(&map);
    BENCH_CHECK(pool_left == POOL);
}

static ash_va_t at(uint64_t offset)
{
    return ash_va((uintptr_t)offset);
}

static void map_ok(uint64_t va, uint64_t pa, uint64_t size, ash_mmu_attr_t attr)
{
    BENCH_CHECK(ash_mmu_map(&map, at(va), ash_pa(pa), size, attr) == 0);
}

static void check_mapping(uint64_t va, uint64_t pa, unsigned level, ash_mmu_attr_t attr)
{
    struct ash_mmu_mapping mapping;

    BENCH_CHECK(ash_mmu_query(&map, at(va), &mapping) == 0);
    BENCH_CHECK(mapping.pa.value + (va - mapping.va.value) == pa);
    BENCH_CHECK(mapping.level == level && mapping.attr == attr);
}

/* Pages one at a time: map, query, protect, unmap. The table exists and stays. */
static void one_page(void)
{
    struct ash_mmu_mapping mapping;
    int error = 0;

    make_map();
    map_ok(0, KIB(4), KIB(4), ASH_MMU_WRITE);
    bench_start(&bench, "map-page");
    for (unsigned i = 1; i <= SINGLE; i++) {
        ash_va_t va = at(KIB(4) * i);
        ash_pa_t pa = ash_pa(KIB(4) * (i + 1));

        BENCH(&bench, error |= ash_mmu_map(&map, va, pa, ASH_PAGE_SIZE, ASH_MMU_WRITE));
    }
    bench_print(&bench, 1);
    bench_start(&bench, "query-page");
    for (unsigned i = 1; i <= SINGLE; i++) {
        ash_va_t va = at(KIB(4) * i);

        BENCH(&bench, error |= ash_mmu_query(&map, va, &mapping));
    }
    bench_print(&bench, 1);
    bench_start(&bench, "protect-page");
    for (unsigned i = 1; i <= SINGLE; i++) {
        ash_va_t va = at(KIB(4) * i);

        BENCH(&bench, error |= ash_mmu_protect(&map, va, ASH_PAGE_SIZE, 0));
        check_mapping(KIB(4) * i, KIB(4) * (i + 1), 3, 0);
    }
    bench_print(&bench, 1);
    bench_start(&bench, "unmap-page");
    for (unsigned i = 1; i <= SINGLE; i++) {
        ash_va_t va = at(KIB(4) * i);

        BENCH(&bench, error |= ash_mmu_unmap(&map, va, ASH_PAGE_SIZE));
    }
    bench_print(&bench, 1);
    BENCH_CHECK(error == 0);
    destroy_map();
}

/* One page in a table of its own, beside others: the table comes and goes with it. */
static void one_table(void)
{
    int error = 0;

    make_map();
    map_ok(MIB(2) * SINGLE, KIB(4), KIB(4), ASH_MMU_WRITE);
    bench_start(&bench, "map-page-new-table");
    for (unsigned i = 0; i < SINGLE; i++) {
        ash_va_t va = at(MIB(2) * i);

        BENCH(&bench, error |= ash_mmu_map(&map, va, ash_pa(KIB(4)), ASH_PAGE_SIZE, ASH_MMU_WRITE));
    }
    bench_print(&bench, 1);
    bench_start(&bench, "unmap-last-page");
    for (unsigned i = 0; i < SINGLE; i++) {
        ash_va_t va = at(MIB(2) * i);

        BENCH(&bench, error |= ash_mmu_unmap(&map, va, ASH_PAGE_SIZE));
    }
    bench_print(&bench, 1);
    BENCH_CHECK(error == 0 && map.counters.tables == 3);
    destroy_map();
}

static unsigned invalidations(void)
{
    return map.counters.pages + map.counters.asids + map.counters.alls;
}

/* 512 pages whose PA is off by one, so that no block fits. */
static void run(void)
{
    static struct bench protects, unmaps;
    int error = 0;

    make_map();
    map_ok(MIB(2), KIB(4), KIB(4), ASH_MMU_WRITE);
    bench_start(&bench, "map-512-pages");
    bench_start(&protects, "protect-512-pages");
    bench_start(&unmaps, "unmap-512-pages");
    for (unsigned i = 0; i < RUNS; i++) {
        unsigned before, barriers;

        BENCH(&bench, error |= ash_mmu_map(&map, at(0), ash_pa(KIB(4)), MIB(2), ASH_MMU_WRITE));
        BENCH(&protects, error |= ash_mmu_protect(&map, at(0), MIB(2), 0));
        check_mapping(KIB(4), KIB(8), 3, 0);
        check_mapping(MIB(2) - KIB(4), MIB(2), 3, 0);
        before = invalidations();
        barriers = map.counters.barriers;
        BENCH(&unmaps, error |= ash_mmu_unmap(&map, at(0), MIB(2)));
        if (i == 0) {
            bench_print_number("unmap-512-pages-tlbi", "invalidations", invalidations() - before);
            bench_print_number("unmap-512-pages-barriers", "pairs",
                               map.counters.barriers - barriers);
        }
    }
    BENCH_CHECK(error == 0);
    bench_print(&bench, PAGES);
    bench_print(&protects, PAGES);
    bench_print(&unmaps, PAGES);
    destroy_map();
}

static void blocks(void)
{
    static struct bench unmaps;
    int error = 0;

    make_map();
    bench_start(&bench, "map-blocks");
    bench_start(&unmaps, "unmap-blocks");
    for (unsigned i = 0; i < RUNS; i++) {
        BENCH(&bench,
              error |= ash_mmu_map(&map, at(GIB(1)), ash_pa(MIB(2)), GIB(1), ASH_MMU_WRITE));
        check_mapping(GIB(2) - MIB(2), GIB(1), 2, ASH_MMU_WRITE);
        BENCH(&unmaps, error |= ash_mmu_unmap(&map, at(GIB(1)), GIB(1)));
    }
    BENCH_CHECK(error == 0);
    bench_print(&bench, PAGES);
    bench_print(&unmaps, PAGES);
    destroy_map();
}

static void split(void)
{
    unsigned before, most = 0;
    int error = 0;

    make_map();
    map_ok(0, MIB(2), MIB(2) * RUNS, ASH_MMU_WRITE);
    bench_start(&bench, "split");
    for (unsigned i = 0; i < RUNS; i++) {
        ash_va_t va = at(MIB(2) * i + KIB(4) * 5);

        before = invalidations();
        BENCH(&bench, error |= ash_mmu_protect(&map, va, ASH_PAGE_SIZE, 0));
        most = invalidations() - before > most ? invalidations() - before : most;
        check_mapping(MIB(2) * i + KIB(4) * 5, MIB(2) * (i + 1) + KIB(4) * 5, 3, 0);
        check_mapping(MIB(2) * i + KIB(4) * 6, MIB(2) * (i + 1) + KIB(4) * 6, 3, ASH_MMU_WRITE);
    }
    BENCH_CHECK(error == 0);
    bench_print(&bench, 1);
    bench_print_number("split-tlbi", "invalidations", most);
    destroy_map();
}

static void random_ranges(void)
{
    static struct {
        uint32_t offset, size;
    } range[RANGES];
    static uint16_t order[RANGES];
    int error = 0;

    make_map();
    bench_seed = 1;
    for (unsigned i = 0; i < RANGES; i++) {
        uint32_t pages = 1 + bench_random_below(64);

        range[i].size = pages * (uint32_t)ASH_PAGE_SIZE;
        range[i].offset = (uint32_t)(KIB(512) * i + KIB(4) * bench_random_below(126 - pages));
    }
    bench_start(&bench, "map-random");
    bench_shuffle(order, RANGES);
    for (unsigned i = 0; i < RANGES; i++) {
        uint64_t base = GIB(1) + range[order[i]].offset;
        uint64_t size = range[order[i]].size;

        BENCH(&bench,
              error |= ash_mmu_map(&map, at(base), ash_pa(base + KIB(4)), size, ASH_MMU_WRITE));
    }
    bench_print(&bench, 1);
    BENCH_CHECK(error == 0 && ash_mmu_verify(&map, NULL) == 0);
    bench_start(&bench, "unmap-random");
    bench_shuffle(order, RANGES);
    for (unsigned i = 0; i < RANGES; i++) {
        uint64_t base = GIB(1) + range[order[i]].offset;
        uint64_t size = range[order[i]].size;

        check_mapping(base, base + KIB(4), 3, ASH_MMU_WRITE);
        check_mapping(base + size - KIB(4), base + size, 3, ASH_MMU_WRITE);
        BENCH(&bench, error |= ash_mmu_unmap(&map, at(base), size));
    }
    bench_print(&bench, 1);
    BENCH_CHECK(error == 0);
    bench_print_number("unmap-random-left", "tables", map.counters.tables);
    destroy_map();
}

/* What a board's map needs in tables: RAM with a guard page, flash in two halves, devices. */
static void standard_map(void)
{
    make_map();
    map_ok(GIB(1), GIB(1), GIB(1), ASH_MMU_WRITE);
    map_ok(0, 0, MIB(32), ASH_MMU_EXEC);
    map_ok(MIB(32), MIB(32), MIB(32), 0);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t window = MIB(256) + MIB(2) * i;

        map_ok(window, window, KIB(64), ASH_MMU_DEVICE | ASH_MMU_WRITE);
    }
    BENCH_CHECK(ash_mmu_unmap(&map, at(GIB(1) + MIB(1)), KIB(4)) == 0);
    bench_print_number("standard-map", "tables", map.counters.tables);
    destroy_map();
}

void bench_mmu(void)
{
    fill_pool();
    one_page();
    one_table();
    run();
    blocks();
    split();
    random_ranges();
    standard_map();
}
