/* SPDX-License-Identifier: MIT */
/*
 * Every allocator, and the map, on all CPUs at once: each CPU takes and gives back at random, marks
 * what it has, and finds its marks. Behind it everything is as it was. Then the suites of what is
 * below once more, on a CPU that did not boot.
 */
#include "ashlar/boot.h"
#include "ashlar/cpu.h"
#include "ashlar/errors.h"
#include "ashlar/frames.h"
#include "ashlar/heap.h"
#include "ashlar/pmem.h"
#include "ashlar/pool.h"
#include "ashlar/trap.h"
#include "ashlar/vmap.h"
#include "port/port.h"
#include "tests/target/on_cpus.h"
#include "tests/target/suite.h"

#define STEPS 400u /* where nothing is mapped or unmapped, which all CPUs have to wait for */
#define MAPS  40u
#define LEAST 2u /* steps, however long they take */
#define HELD  8u /* things that a CPU may hold at a time, of a kind */
#define POOL  6u

static struct ash_pool pool;
static struct ash_pmem *region;

/* What a CPU holds: an address and, where one is needed, more to give it back by. */
struct thing {
    uint32_t *memory;
    size_t words;
    unsigned order;
    ash_frame_t frame;
    struct ash_pmem_block block;
};

static struct worker {
    uint32_t random, wrong, taken;
    struct thing held[HELD];
} workers[ASH_CPUS] __attribute__((aligned(64)));

static uint32_t draw(struct worker *own, uint32_t limit)
{
    own->random ^= own->random << 13;
    own->random ^= own->random >> 17;
    own->random ^= own->random << 5;
    return own->random % limit;
}

/* How one kind of memory is had. take leaves memory NULL if there is none now. */
struct kind {
    void (*take)(struct worker *own, struct thing *thing);
    void (*give)(struct thing *thing);
    uint32_t steps;
};

static void frames_take(struct worker *own, struct thing *thing)
{
    thing->order = draw(own, 4);
    if (ash_frames_alloc(thing->order, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &thing->frame) == 0) {
        thing->memory = port_ptr(ash_frame_pa(thing->frame));
        thing->words = (ASH_PAGE_SIZE << thing->order) / sizeof(uint32_t);
    }
}

static void frames_give(struct thing *thing)
{
    ash_frames_free(thing->frame, thing->order);
}

static void pool_take(struct worker *own, struct thing *thing)
{
    (void)own;
    thing->memory = ash_pool_alloc(&pool);
    thing->words = 6;
}

static void pool_give(struct thing *thing)
{
    ash_pool_free(&pool, thing->memory);
}

static void heap_take(struct worker *own, struct thing *thing)
{
    thing->words = 1 + draw(own, draw(own, 4) == 0 ? 3000 : 60);
    thing->memory = ash_heap_alloc(&ash_heap_default, thing->words * sizeof(uint32_t));
}

static void heap_give(struct thing *thing)
{
    ash_heap_free(&ash_heap_default, thing->memory);
}

static void vmap_take(struct worker *own, struct thing *thing)
{
    thing->words = (1 + draw(own, 3)) * ASH_PAGE_SIZE / sizeof(uint32_t);
    thing->memory = ash_vmap_alloc(thing->words * sizeof(uint32_t));
}

static void vmap_give(struct thing *thing)
{
    ash_vmap_free(thing->memory);
}

static void pmem_take(struct worker *own, struct thing *thing)
{
    thing->words = (1 + draw(own, 2)) * ASH_PAGE_SIZE / sizeof(uint32_t);
    if (region != NULL && ash_pmem_alloc(region, thing->words * sizeof(uint32_t), 0,
                                         draw(own, 2) == 0 ? ASH_PMEM_CACHED : ASH_PMEM_UNCACHED,
                                         &thing->block) == 0) {
        thing->memory = thing->block.ptr;
    }
}

static void pmem_give(struct thing *thing)
{
    (void)ash_pmem_free(&thing->block);
}

/* A frame that is seen through a window while it is marked, and looked at through another. */
static void window_take(struct worker *own, struct thing *thing)
{
    (void)own;
    if (ash_frames_alloc(0, ASH_FRAMES_HIGH | ASH_FRAMES_OWNER(ASH_OWNER_TEST), &thing->frame) !=
        0) {
        return;
    }
    thing->memory = ash_window_open(thing->frame);
    thing->words = ASH_PAGE_SIZE / sizeof(uint32_t);
    if (thing->memory == NULL) {
        ash_frames_free(thing->frame, 0);
    }
}

static void window_give(struct thing *thing)
{
    ash_window_close(thing->memory);
    ash_frames_free(thing->frame, 0);
}

static const struct kind frames_kind = {frames_take, frames_give, STEPS};
static const struct kind pool_kind = {pool_take, pool_give, STEPS};
static const struct kind heap_kind = {heap_take, heap_give, STEPS};
static const struct kind vmap_kind = {vmap_take, vmap_give, MAPS};
static const struct kind pmem_kind = {pmem_take, pmem_give, MAPS};
static const struct kind window_kind = {window_take, window_give, STEPS};

/* The first, the last and some words between belong to the thing and its CPU alone. */
static uint32_t mark_of(const struct thing *thing, size_t at)
{
    return (uint32_t)(uintptr_t)thing ^ (uint32_t)at * 0x9e3779b9u;
}

static void mark(const struct thing *thing)
{
    for (size_t at = 0; at < thing->words; at += 1 + thing->words / 5) {
        thing->memory[at] = mark_of(thing, at);
    }
    thing->memory[thing->words - 1] = mark_of(thing, 0);
    thing->memory[0] = mark_of(thing, 0);
}

static bool marked(const struct thing *thing)
{
    bool sound = thing->memory[0] == mark_of(thing, 0);

    for (size_t at = 1 + thing->words / 5; at < thing->words - 1; at += 1 + thing->words / 5) {
        sound = sound && thing->memory[at] == mark_of(thing, at);
    }
    return sound && thing->memory[thing->words - 1] == mark_of(thing, 0);
}

static void give(struct worker *own, const struct kind *kind, struct thing *thing)
{
    own->wrong += !marked(thing);
    kind->give(thing);
    thing->memory = NULL;
}

static void take_and_give(void *arg)
{
    const struct kind *kind = arg;
    struct worker *own = &workers[ash_cpu_number()];
    unsigned limit = kind == &window_kind ? 1 : HELD; /* the last window closes first */

    for (uint32_t step = 0; step < LEAST || (step < kind->steps && !on_cpus_enough()); step++) {
        struct thing *thing = &own->held[draw(own, limit)];

        if (thing->memory != NULL) {
            give(own, kind, thing);
            continue;
        }
        kind->take(own, thing);
        if (thing->memory != NULL) {
            own->taken++;
            mark(thing);
        }
    }
    for (unsigned i = 0; i < limit; i++) {
        if (own->held[i].memory != NULL) {
            give(own, kind, &own->held[i]);
        }
    }
}

static uint32_t free_frames(void)
{
    uint32_t sum = 0;

    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        struct ash_frames_stats stats;

        if (ash_frames_stats((enum ash_zone)zone, &stats) == 0) {
            sum += stats.free;
        }
    }
    return sum;
}

/* All CPUs with memory of one kind. */
static void all_with(const struct kind *kind)
{
    uint32_t before = free_frames(), taken = 0;

    port_zero(workers, sizeof(workers));
    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        workers[cpu].random = 0x2545f491u + 977 * cpu;
    }
    CHECK_EQ(on_all_cpus(take_and_give, (void *)(uintptr_t)kind), 0);
    for (unsigned cpu = 0; cpu < on_cpus_there(); cpu++) {
        CHECK_EQ(workers[cpu].wrong, 0);
        taken += workers[cpu].taken;
    }
    CHECK(taken > 0);
    CHECK_EQ(free_frames(), before);
    CHECK_EQ(ash_frames_verify(), 0);
}

static void frames_by_all(void)
{
    ON_CPUS_OR_SKIP();
    all_with(&frames_kind);
}

/* Fewer blocks than would be wanted: it runs out now and then. */
static void a_pool_by_all(void)
{
    struct ash_pool_stats stats;

    ON_CPUS_OR_SKIP();
    CHECK_EQ(ash_pool_create(&pool, "smp", 24, 8, POOL), 0);
    all_with(&pool_kind);
    ash_pool_stats(&pool, &stats);
    CHECK_EQ(stats.used, 0);
    CHECK_EQ(ash_pool_verify(&pool), 0);
    CHECK_EQ(ash_pool_destroy(&pool), 0);
}

static void the_heap_by_all(void)
{
    struct ash_heap_stats before, after;

    ON_CPUS_OR_SKIP();
    ash_heap_stats(&ash_heap_default, &before);
    all_with(&heap_kind);
    ash_heap_stats(&ash_heap_default, &after);
    CHECK_EQ(after.used_bytes, before.used_bytes);
    CHECK_EQ(after.blocks, before.blocks);
    CHECK_EQ(ash_heap_verify(&ash_heap_default), 0);
}

static void mapped_memory_by_all(void)
{
    struct ash_vmap_stats before, after;

    ON_CPUS_OR_SKIP();
    ash_vmap_stats(&before);
    all_with(&vmap_kind);
    ash_vmap_stats(&after);
    CHECK_EQ(after.free, before.free);
    CHECK_EQ(after.areas, before.areas);
    CHECK_EQ(ash_vmap_verify(), 0);
}

/* Pages change their type beside those that other CPUs use. */
static void contiguous_memory_by_all(void)
{
    struct ash_pmem_stats before, after;

    ON_CPUS_OR_SKIP();
    region = ash_pmem_find("dma");
    if (region == NULL) {
        target_skip("no region dma");
        return;
    }
    ash_pmem_stats(region, &before);
    all_with(&pmem_kind);
    ash_pmem_stats(region, &after);
    CHECK_EQ(after.free, before.free);
    CHECK_EQ(ash_pmem_verify(region), 0);
}

static void windows_by_all(void)
{
    ON_CPUS_OR_SKIP();
    all_with(&window_kind);
}

/* A case of another suite, as it is, on the last CPU. */
static const struct target_suite *suite;

static void run_cases(void *arg)
{
    (void)arg;
    (void)port_irq_save(); /* as main() begins */
    for (size_t i = 0; i < suite->count && !on_cpus_late(); i++) {
        suite->cases[i].run();
        target_skip(NULL);
    }
}

struct outcome {
    int result;
    struct ash_trap trap;
};

static void run_suite(void *arg)
{
    struct outcome *outcome = arg;

    outcome->result = ash_trap_catch(run_cases, NULL, &outcome->trap);
}

static void elsewhere(const struct target_suite *other)
{
    static struct outcome outcome;

    ON_CPUS_OR_SKIP();
    suite = other;
    outcome.result = ASH_EIO;
    CHECK_EQ(on_cpu(on_cpus_there() - 1, run_suite, &outcome), 0);
    if (outcome.result != 0) {
        target_fail(__FILE__, __LINE__, "%s at %#lx, pc %#lx",
                    ash_trap_kind_name(outcome.trap.kind), (unsigned long)outcome.trap.address,
                    (unsigned long)outcome.trap.pc);
    }
}

#define ELSEWHERE(name)                                                                            \
    extern const struct target_suite suite_##name;                                                 \
    static void name##_elsewhere(void)                                                             \
    {                                                                                              \
        elsewhere(&suite_##name);                                                                  \
    }
ELSEWHERE(processor)
ELSEWHERE(port)
ELSEWHERE(trap)

static const struct target_case cases[] = {
    TARGET_CASE(frames_by_all),
    TARGET_CASE(a_pool_by_all),
    TARGET_CASE(the_heap_by_all),
    TARGET_CASE(mapped_memory_by_all),
    TARGET_CASE(contiguous_memory_by_all),
    TARGET_CASE(windows_by_all),
    TARGET_CASE(processor_elsewhere),
    TARGET_CASE(port_elsewhere),
    TARGET_CASE(trap_elsewhere),
};
const struct target_suite suite_smp_alloc = TARGET_SUITE("smp-alloc", cases);
