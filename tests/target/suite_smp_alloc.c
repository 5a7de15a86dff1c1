/* SPDX-License-Identifier: MIT */
/*
 * Every allocator, and the map, on all CPUs at once: each CPU takes and gives back at random, marks
 * what it has, and finds its marks. Behind it everything is as it was. Then the suites of what is
 * below once more, on a CPU that did not boot.
 */
#include "alloc/frames.h"
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
#include "tests/target/holder.h"
#include "tests/target/on_cpus.h"
#include "tests/target/suite.h"

#define STEPS 400u /* where nothing is mapped or unmapped, which all CPUs have to wait for */
#define MAPS  40u
#define LEAST 2u /* steps, however long they take */
#define POOL  6u

static struct holder workers[ASH_CPUS] __attribute__((aligned(64)));

/* A kind of memory, and how often it is taken or given back. */
struct trial {
    const struct held_kind *kind;
    uint32_t steps;
};

static void take_and_give(void *arg)
{
    const struct trial *trial = arg;
    struct holder *own = &workers[ash_cpu_number()];

    for (uint32_t step = 0; step < LEAST || (step < trial->steps && !on_cpus_enough()); step++) {
        holder_step(own, trial->kind);
    }
    holder_end(own, trial->kind);
}

/* All CPUs with memory of one kind. */
static void all_with(const struct held_kind *kind, uint32_t steps)
{
    struct trial trial = {kind, steps};
    uint32_t before = holder_free_frames(), taken = 0;

    port_zero(workers, sizeof(workers));
    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        workers[cpu].random = 0x2545f491u + 977 * cpu;
    }
    CHECK_EQ(on_all_cpus(take_and_give, &trial), 0);
    for (unsigned cpu = 0; cpu < on_cpus_there(); cpu++) {
        CHECK_EQ(workers[cpu].wrong, 0);
        taken += workers[cpu].taken;
    }
    CHECK(taken > 0);
    CHECK_EQ(holder_free_frames(), before);
    CHECK_EQ(ash_frames_verify(), 0);
}

static void frames_by_all(void)
{
    ON_CPUS_OR_SKIP();
    all_with(&held_frames, STEPS);
}

#if ASH_FRAMES_CACHED > 0 && ASH_CPUS > 1
#define SINGLES 200u /* that a CPU holds at most */
#define FILLED  100u

static uint32_t operations[ASH_CPUS];

static bool coin(struct holder *own)
{
    own->random ^= own->random << 13;
    own->random ^= own->random >> 17;
    own->random ^= own->random << 5;
    return (own->random >> 7 & 1u) != 0;
}

static void singles(void *arg)
{
    static ash_frame_t held[ASH_CPUS][SINGLES];
    unsigned cpu = ash_cpu_number(), count = 0;
    struct holder *own = &workers[cpu];

    (void)arg;
    operations[cpu] = 0;
    for (uint32_t step = 0; step < 4 * STEPS; step++) {
        if (count < FILLED || (count < SINGLES && coin(own))) {
            own->wrong +=
                ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &held[cpu][count++]) != 0;
        } else {
            ash_frames_free(held[cpu][--count], 0);
        }
        operations[cpu]++;
    }
    while (count > 0) {
        ash_frames_free(held[cpu][--count], 0);
        operations[cpu]++;
    }
}

/* The lock that all CPUs share is taken once in 16 operations at most, and at the start and the end
 * of each CPU once or twice more. */
static void single_frames_spare_the_lock(void)
{
    uint32_t before, taken, sum = 0, free = holder_free_frames();

    ON_CPUS_OR_SKIP();
    port_zero(workers, sizeof(workers));
    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        workers[cpu].random = 77 + cpu;
    }
    before = frames_state.lock.next;
    CHECK_EQ(on_all_cpus(singles, NULL), 0);
    taken = frames_state.lock.next - before;
    for (unsigned cpu = 0; cpu < on_cpus_there(); cpu++) {
        CHECK_EQ(workers[cpu].wrong, 0);
        sum += operations[cpu];
    }
    target_note("%u operations, %u times the lock", (unsigned)sum, (unsigned)taken);
    CHECK(taken <= sum / 16 + 4 * on_cpus_there());
    CHECK_EQ(holder_free_frames(), free);
    CHECK_EQ(ash_frames_verify(), 0);
}
#else
static void single_frames_spare_the_lock(void)
{
    target_skip("this build keeps no frames for each CPU");
}
#endif

/* Fewer blocks than would be wanted: it runs out now and then. */
static void a_pool_by_all(void)
{
    struct ash_pool_stats stats;

    ON_CPUS_OR_SKIP();
    CHECK_EQ(ash_pool_create(&holder_pool, "smp", 24, 8, POOL), 0);
    all_with(&held_pool, STEPS);
    ash_pool_stats(&holder_pool, &stats);
    CHECK_EQ(stats.used, 0);
    CHECK_EQ(ash_pool_verify(&holder_pool), 0);
    CHECK_EQ(ash_pool_destroy(&holder_pool), 0);
}

static void an_object_cache_by_all(void)
{
    struct ash_slab_stats stats;

    ON_CPUS_OR_SKIP();
    CHECK_EQ(holder_slab_start(), 0);
    all_with(&held_slab, STEPS);
    ash_slab_stats(&holder_slab, &stats);
    CHECK_EQ(stats.used, 0);
    CHECK_EQ(ash_slab_verify(&holder_slab), 0);
    CHECK_EQ(ash_slab_destroy(&holder_slab), 0);
}

static void the_heap_by_all(void)
{
    struct ash_heap_stats before, after;

    ON_CPUS_OR_SKIP();
    ash_heap_stats(&ash_heap_default, &before);
    all_with(&held_heap, STEPS);
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
    all_with(&held_vmap, MAPS);
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
    holder_region = ash_pmem_find("dma");
    if (holder_region == NULL) {
        target_skip("no region dma");
        return;
    }
    ash_pmem_stats(holder_region, &before);
    all_with(&held_pmem, MAPS);
    ash_pmem_stats(holder_region, &after);
    CHECK_EQ(after.free, before.free);
    CHECK_EQ(ash_pmem_verify(holder_region), 0);
}

static void windows_by_all(void)
{
    ON_CPUS_OR_SKIP();
    all_with(&held_window, STEPS);
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
    TARGET_CASE(single_frames_spare_the_lock),
    TARGET_CASE(a_pool_by_all),
    TARGET_CASE(an_object_cache_by_all),
    TARGET_CASE(the_heap_by_all),
    TARGET_CASE(mapped_memory_by_all),
    TARGET_CASE(contiguous_memory_by_all),
    TARGET_CASE(windows_by_all),
    TARGET_CASE(processor_elsewhere),
    TARGET_CASE(port_elsewhere),
    TARGET_CASE(trap_elsewhere),
};
const struct target_suite suite_smp_alloc = TARGET_SUITE("smp-alloc", cases);
