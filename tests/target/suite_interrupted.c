/* SPDX-License-Identifier: MIT */
/*
 * Interrupts that allocate and free in the middle of whatever the program does with the same
 * allocator: both find what they wrote, and behind it everything is as it was.
 */
#include "ashlar/heap.h"
#include "ashlar/irq.h"
#include "port/port.h"
#include "tests/target/holder.h"
#include "tests/target/suite.h"

#define HZ       1000u
#define TICKS    60u /* interrupts that come at least */
#define STEPS    3u  /* of each */
#define POOL     10u
#define LIMIT_NS 20000000000u

static struct holder program, interrupt;
static const struct held_kind *kind;
static volatile uint32_t ticks;

static void tick(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < STEPS; i++) {
        holder_step(&interrupt, kind);
    }
    ticks++;
}

static void interrupt_all(const struct held_kind *which)
{
    uint32_t before = holder_free_frames();
    unsigned long saved = port_irq_save();
    uint64_t start = ash_now_ns();
    int error;

    port_zero(&program, sizeof(program));
    port_zero(&interrupt, sizeof(interrupt));
    program.random = 0x1f123bb5u;
    interrupt.random = 0x9e3779b9u;
    kind = which;
    ticks = 0;
    holder_step(&program, which); /* however little it gets to do later */
    error = ash_tick(HZ, tick, NULL);
    ash_irq_enable();
    while (error == 0 && ticks < TICKS && ash_now_ns() - start < LIMIT_NS) {
        holder_step(&program, which);
    }
    ash_irq_disable();
    (void)ash_tick(0, NULL, NULL);
    port_irq_restore(saved);
    holder_end(&program, which);
    holder_end(&interrupt, which);
    CHECK_EQ(error, 0);
    CHECK(ticks >= TICKS);
    CHECK(program.taken > 0 && interrupt.taken > 0);
    CHECK_EQ(program.wrong, 0);
    CHECK_EQ(interrupt.wrong, 0);
    CHECK_EQ(holder_free_frames(), before);
    CHECK_EQ(ash_frames_verify(), 0);
}

static void frames_in_interrupts(void)
{
    interrupt_all(&held_frames);
}

/* Fewer blocks than would be wanted: it runs out now and then. */
static void pools_in_interrupts(void)
{
    struct ash_pool_stats stats;

    CHECK_EQ(ash_pool_create(&holder_pool, "interrupts", 24, 8, POOL), 0);
    interrupt_all(&held_pool);
    ash_pool_stats(&holder_pool, &stats);
    CHECK_EQ(stats.used, 0);
    CHECK_EQ(ash_pool_verify(&holder_pool), 0);
    CHECK_EQ(ash_pool_destroy(&holder_pool), 0);
}

static void object_caches_in_interrupts(void)
{
    struct ash_slab_stats stats;

    CHECK_EQ(holder_slab_start(), 0);
    interrupt_all(&held_slab);
    ash_slab_stats(&holder_slab, &stats);
    CHECK_EQ(stats.used, 0);
    CHECK_EQ(ash_slab_verify(&holder_slab), 0);
    CHECK_EQ(ash_slab_destroy(&holder_slab), 0);
}

static void the_heap_in_interrupts(void)
{
    struct ash_heap_stats before, after;

    ash_heap_stats(&ash_heap_default, &before);
    interrupt_all(&held_heap);
    ash_heap_stats(&ash_heap_default, &after);
    CHECK_EQ(after.used_bytes, before.used_bytes);
    CHECK_EQ(after.blocks, before.blocks);
    CHECK_EQ(ash_heap_verify(&ash_heap_default), 0);
}

static const struct target_case cases[] = {
    TARGET_CASE(frames_in_interrupts),
    TARGET_CASE(pools_in_interrupts),
    TARGET_CASE(object_caches_in_interrupts),
    TARGET_CASE(the_heap_in_interrupts),
};

const struct target_suite suite_interrupted = TARGET_SUITE("interrupted", cases);
